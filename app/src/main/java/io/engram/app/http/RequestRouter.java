package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.net.Endpoint;
import io.engram.app.query.Cluster;
import io.engram.app.query.Peers;
import io.engram.app.query.UnavailableException;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongPredicate;
import org.apache.kafka.streams.state.HostInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds someone who can answer for a space: the active instance, else a standby close behind, else the next. Every other
 * instance gets a short time of its own, so that one that hangs does not use up the client's. Thread-safe.
 */
final class RequestRouter {
    private static final Logger LOG = LoggerFactory.getLogger(RequestRouter.class);

    /** So that the other's own deadline comes first. */
    private static final long MARGIN_MS = 300;

    /** The longest that a task is expected to be on its way from one instance to another. */
    private static final long HAND_OVER_MS = 1_500;

    private static final long PAUSE_MS = 25;

    /** Of an answer that is read as a tree. */
    private static final long MAX_ANSWER_BYTES = 16 << 20;

    private final Cluster cluster;
    private final Peers peers;
    private final long hostTimeoutMs;
    private final Concurrency concurrency;

    /**
     * @param concurrency gives back the place of a request while it waits for another instance
     */
    RequestRouter(Cluster cluster, Peers peers, long hostTimeoutMs, Concurrency concurrency) {
        this.concurrency = concurrency;
        this.cluster = cluster;
        this.peers = peers;
        this.hostTimeoutMs = hostTimeoutMs;
    }

    /** Answers from this instance. */
    interface Local<T> {
        T answer() throws InterruptedException;
    }

    /** What to ask of another instance, and how to understand its answer. */
    record Remote<T>(Peers.Call call, LongPredicate room, Understanding<T> understanding) {}

    /** Makes something of the answer of another instance. */
    interface Understanding<T> {
        T of(HttpResponse<byte[]> answer) throws IOException;
    }

    /**
     * How long to look for an answer.
     *
     * @param deadlineNanos on the clock of {@link System#nanoTime}
     * @param patient true when the answer may take its time: another instance then gets all that is left
     */
    record Budget(long deadlineNanos, boolean patient) {
        static Budget of(long timeoutMs, boolean patient) {
            return new Budget(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs), patient);
        }

        long leftMs() {
            return TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
        }
    }

    /** An answer and who gave it. */
    record Routed<T>(T answer, boolean here) {}

    /**
     * True when another instance passed the request on: then it is answered here or not at all.
     *
     * @throws Problem.ProblemException when it does not carry the secret of this cluster
     */
    boolean isHop(Context context) {
        if (context.header(Peers.HOP_HEADER) == null) {
            return false;
        }
        if (!peers.isAuthentic(Optional.ofNullable(context.header("Authorization")))) {
            throw Problem.of(
                            401,
                            "Unauthorized",
                            "this call does not carry the secret of the cluster; set the same cluster.secret on all instances")
                    .asException();
        }
        return true;
    }

    /**
     * Answers from here or from elsewhere.
     *
     * @param hop true to ask nobody else
     * @param call what to ask of another instance
     * @throws UnavailableException when nobody can answer right now
     */
    Routed<ObjectNode> route(boolean hop, String space, Budget budget, Local<ObjectNode> local, Peers.Call call)
            throws InterruptedException {
        return route(hop, space, budget, local, new Remote<>(call, upTo(MAX_ANSWER_BYTES), RequestRouter::object));
    }

    /** Room for so many bytes in all. */
    private static LongPredicate upTo(long bytes) {
        AtomicLong left = new AtomicLong(bytes);
        return more -> left.addAndGet(-more) >= 0;
    }

    private static ObjectNode object(HttpResponse<byte[]> answer) throws IOException {
        if (JsonBody.MAPPER.readTree(answer.body()) instanceof ObjectNode object) {
            return object;
        }
        throw new IOException("not an object");
    }

    /** As {@link #route(boolean, String, Budget, Local, Peers.Call)}, for answers that are no small objects. */
    <T> Routed<T> route(boolean hop, String space, Budget budget, Local<T> local, Remote<T> remote)
            throws InterruptedException {
        if (hop) {
            return new Routed<>(local.answer(), true);
        }
        long giveUp = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Math.min(budget.leftMs(), HAND_OVER_MS));
        while (true) {
            Set<String> asked = new LinkedHashSet<>();
            Optional<Routed<T>> answer = tryAll(space, budget, local, remote, asked);
            if (answer.isPresent()) {
                return answer.get();
            }
            if (System.nanoTime() - giveUp >= 0) {
                throw new UnavailableException(
                        "nobody can answer for space '" + space + "' right now; asked " + String.join(", ", asked));
            }
            // While a task goes from one instance to another nobody has it for a moment.
            concurrency.waiting(() -> {
                Thread.sleep(PAUSE_MS);
                return true;
            });
        }
    }

    private <T> Optional<Routed<T>> tryAll(
            String space, Budget budget, Local<T> local, Remote<T> remote, Set<String> asked)
            throws InterruptedException {
        List<HostInfo> candidates = cluster.candidates(space);
        for (HostInfo host : candidates) {
            boolean here = cluster.isSelf(host);
            long leftMs = budget.leftMs();
            if (!here && leftMs <= 0) {
                break;
            }
            try {
                if (here) {
                    concurrency.resume(Math.max(0, leftMs));
                    return Optional.of(new Routed<>(local.answer(), true));
                }
                // Whoever is the last hope gets all the time that there is.
                boolean last = host.equals(candidates.get(candidates.size() - 1));
                long timeoutMs = budget.patient() || last ? leftMs + MARGIN_MS : Math.min(leftMs, hostTimeoutMs);
                return Optional.of(new Routed<>(ask(host, remote, timeoutMs), false));
            } catch (UnavailableException e) {
                String name = here ? "this instance" : Endpoint.authority(host.host(), host.port());
                asked.add(name + " (" + e.getMessage() + ")");
            }
        }
        return Optional.empty();
    }

    /**
     * @throws UnavailableException when another instance may do better
     */
    private <T> T ask(HostInfo host, Remote<T> remote, long timeoutMs) throws InterruptedException {
        try {
            HttpResponse<byte[]> response = called(host, remote, timeoutMs);
            T answer = understood(host, response, remote.understanding());
            cluster.trust(host);
            return answer;
        } catch (UnavailableException e) {
            cluster.trust(host); // it did answer
            throw e;
        } catch (Problem.ProblemException e) {
            throw e; // an answer, if not a good one
        } catch (Peers.NoRoomException e) {
            throw noRoom();
        } catch (IOException | RuntimeException e) {
            LOG.debug("{} did not answer {}", host, remote.call().path(), e);
            // A short deadline says nothing about the host.
            if (!(e instanceof HttpTimeoutException) || timeoutMs >= hostTimeoutMs) {
                cluster.suspect(host);
            }
            throw new UnavailableException("no answer");
        }
    }

    private HttpResponse<byte[]> called(HostInfo host, Remote<?> remote, long timeoutMs)
            throws IOException, InterruptedException {
        try {
            return concurrency.waiting(() -> {
                try {
                    return peers.call(host, remote.call(), timeoutMs, remote.room());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** There is no room for an answer right now. */
    static Problem.ProblemException noRoom() {
        return Problem.of(
                        429,
                        "Too Many Requests",
                        "too many large answers at once; ask again, for fewer results (k) or less of each (include)")
                .asException();
    }

    private static <T> T understood(HostInfo host, HttpResponse<byte[]> response, Understanding<T> understanding)
            throws IOException {
        int status = response.statusCode();
        boolean unsure = response.headers().firstValue(Peers.UNSURE_HEADER).isPresent();
        if (status == 503 || status == 429 || status == Caller.LEFT || status == 404 && unsure) {
            throw new UnavailableException(detail(response));
        }
        if (status < 300) {
            return understanding.of(response);
        }
        JsonNode body = JsonBody.MAPPER.readTree(response.body());
        if (status == 401) {
            LOG.warn(
                    "{} refuses calls from here: {}",
                    Endpoint.authority(host.host(), host.port()),
                    body.path("detail").asText());
            throw new UnavailableException("refused");
        }
        throw new Problem(
                        status,
                        body.path("title").asText("Error"),
                        body.path("detail")
                                .asText("instance " + Endpoint.authority(host.host(), host.port()) + " answered "
                                        + status),
                        body.has("retry_after_ms")
                                ? OptionalLong.of(body.path("retry_after_ms").asLong())
                                : OptionalLong.empty())
                .asException();
    }

    /** What the answer says, or its status when something on the way gave it. */
    private static String detail(HttpResponse<byte[]> response) {
        String status = "status " + response.statusCode();
        try {
            return JsonBody.MAPPER.readTree(response.body()).path("detail").asText(status);
        } catch (IOException e) {
            return status;
        }
    }

    private HttpResponse<byte[]> answered(CompletableFuture<HttpResponse<byte[]>> call)
            throws InterruptedException, ExecutionException, TimeoutException {
        concurrency.waiting(() -> {
            try {
                return call.get(hostTimeoutMs * 2, TimeUnit.MILLISECONDS);
            } catch (ExecutionException | TimeoutException e) {
                return e; // thrown below
            }
        });
        return call.get(0, TimeUnit.MILLISECONDS);
    }

    /** What every other instance answers; those that do not in time are left out. */
    List<ObjectNode> askOthers(String path) throws InterruptedException {
        List<CompletableFuture<HttpResponse<byte[]>>> calls = new ArrayList<>();
        for (HostInfo host : cluster.others()) {
            calls.add(peers.callAsync(host, Peers.Call.get(path), hostTimeoutMs, upTo(MAX_ANSWER_BYTES)));
        }
        try {
            return answers(path, calls);
        } finally {
            calls.forEach(call -> call.cancel(true)); // a call's own limit ends with the answer's headers
        }
    }

    private List<ObjectNode> answers(String path, List<CompletableFuture<HttpResponse<byte[]>>> calls)
            throws InterruptedException {
        List<ObjectNode> answers = new ArrayList<>();
        for (CompletableFuture<HttpResponse<byte[]>> call : calls) {
            try {
                HttpResponse<byte[]> response = answered(call);
                if (response.statusCode() == 200
                        && JsonBody.MAPPER.readTree(response.body()) instanceof ObjectNode answer) {
                    answers.add(answer);
                }
            } catch (ExecutionException | TimeoutException | IOException e) {
                LOG.debug("An instance did not answer {}", path, e);
            }
        }
        return answers;
    }
}
