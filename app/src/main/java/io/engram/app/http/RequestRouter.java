package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.net.Endpoint;
import io.engram.app.query.Cluster;
import io.engram.app.query.Peers;
import io.engram.app.query.UnavailableException;
import io.javalin.http.Context;
import java.io.IOException;
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

    private final Cluster cluster;
    private final Peers peers;
    private final long hostTimeoutMs;

    RequestRouter(Cluster cluster, Peers peers, long hostTimeoutMs) {
        this.cluster = cluster;
        this.peers = peers;
        this.hostTimeoutMs = hostTimeoutMs;
    }

    /** Answers from this instance. */
    interface Local {
        ObjectNode answer() throws InterruptedException;
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
    record Routed(ObjectNode answer, boolean here) {}

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
    Routed route(boolean hop, String space, Budget budget, Local local, Peers.Call call) throws InterruptedException {
        if (hop) {
            return new Routed(local.answer(), true);
        }
        long giveUp = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Math.min(budget.leftMs(), HAND_OVER_MS));
        while (true) {
            Set<String> asked = new LinkedHashSet<>();
            Optional<Routed> answer = tryAll(space, budget, local, call, asked);
            if (answer.isPresent()) {
                return answer.get();
            }
            if (System.nanoTime() - giveUp >= 0) {
                throw new UnavailableException(
                        "nobody can answer for space '" + space + "' right now; asked " + String.join(", ", asked));
            }
            // While a task goes from one instance to another nobody has it for a moment.
            Thread.sleep(PAUSE_MS);
        }
    }

    private Optional<Routed> tryAll(String space, Budget budget, Local local, Peers.Call call, Set<String> asked)
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
                    return Optional.of(new Routed(local.answer(), true));
                }
                // Whoever is the last hope gets all the time that there is.
                boolean last = host.equals(candidates.get(candidates.size() - 1));
                long timeoutMs = budget.patient() || last ? leftMs + MARGIN_MS : Math.min(leftMs, hostTimeoutMs);
                return Optional.of(new Routed(ask(host, call, timeoutMs), false));
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
    private ObjectNode ask(HostInfo host, Peers.Call call, long timeoutMs) throws InterruptedException {
        try {
            ObjectNode answer = understood(host, peers.call(host, call, timeoutMs));
            cluster.trust(host);
            return answer;
        } catch (UnavailableException e) {
            cluster.trust(host); // it did answer
            throw e;
        } catch (Problem.ProblemException e) {
            throw e; // an answer, if not a good one
        } catch (IOException | RuntimeException e) {
            LOG.debug("{} did not answer {}", host, call.path(), e);
            // A short deadline says nothing about the host.
            if (!(e instanceof HttpTimeoutException) || timeoutMs >= hostTimeoutMs) {
                cluster.suspect(host);
            }
            throw new UnavailableException("no answer");
        }
    }

    private static ObjectNode understood(HostInfo host, HttpResponse<byte[]> response) throws IOException {
        int status = response.statusCode();
        if (status == 503 || status == 429) {
            throw new UnavailableException(detail(response));
        }
        JsonNode body = JsonBody.MAPPER.readTree(response.body());
        if (status < 300 && body instanceof ObjectNode answer) {
            return answer;
        }
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

    /** What every other instance answers; those that do not in time are left out. */
    List<ObjectNode> askOthers(String path) throws InterruptedException {
        List<CompletableFuture<HttpResponse<byte[]>>> calls = new ArrayList<>();
        for (HostInfo host : cluster.others()) {
            calls.add(peers.callAsync(host, Peers.Call.get(path), hostTimeoutMs));
        }
        List<ObjectNode> answers = new ArrayList<>();
        for (CompletableFuture<HttpResponse<byte[]>> call : calls) {
            try {
                HttpResponse<byte[]> response = call.get(hostTimeoutMs * 2, TimeUnit.MILLISECONDS);
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
