package io.engram.app.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.query.Gateway;
import io.engram.app.query.Peers;
import io.engram.app.query.UnavailableException;
import io.engram.schemas.Decoded;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionReason;
import io.engram.topology.rejection.RecentRejections;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Writing over HTTP: observe, forget, drop. Everything goes through the lanes, like any other producer's records. */
final class ObservationRoutes {
    private static final int MAX_LINES = 1_000;
    /** Query parameters of routes that write. */
    private static final String[] WRITING = {"priority", "wait"};
    /** Longer than the producer tries. */
    private static final long SEND_TIMEOUT_MS = 25_000;

    private static final long FATE_MARGIN_MS = 500;

    private final Gateway gateway;
    private final RequestRouter router;
    private final Concurrency concurrency;
    private final Answers answers;
    private final long maxTimeoutMs;

    ObservationRoutes(
            Gateway gateway, RequestRouter router, Concurrency concurrency, Answers answers, long maxTimeoutMs) {
        this.gateway = gateway;
        this.router = router;
        this.concurrency = concurrency;
        this.answers = answers;
        this.maxTimeoutMs = maxTimeoutMs;
    }

    void register(RoutesConfig routes) {
        routes.post("/v1/spaces/{space}/observations", concurrency.limit(this::observe, WRITING));
        routes.delete("/v1/spaces/{space}/memories/{id}", concurrency.limit(this::forget, WRITING));
        routes.delete("/v1/spaces/{space}", concurrency.limit(this::drop, WRITING));
        routes.put("/v1/spaces/{space}/settings", concurrency.limit(this::configure, WRITING));
        routes.get("/v1/spaces/{space}/records/{lane}/{offset}", concurrency.limit(this::fate, "timeout_ms"));
    }

    private void observe(Context context) throws InterruptedException {
        String space = RecallRoutes.spaceOf(context);
        List<Observation> observations = new ArrayList<>();
        if (MediaTypes.isBody(context, MediaTypes.NDJSON)) {
            int number = 0;
            for (byte[] line : lines(context.bodyAsBytes())) {
                number++;
                if (!new String(line, StandardCharsets.ISO_8859_1).isBlank()) {
                    observations.add(observation("line " + number + ": ", line));
                }
            }
            if (observations.isEmpty() || observations.size() > MAX_LINES) {
                throw Problem.badRequest("send 1 to " + MAX_LINES + " lines, got " + observations.size())
                        .asException();
            }
            send(context, space, observations, true);
        } else {
            ApiServer.requireJson(context);
            observations.add(observation("", context.bodyAsBytes()));
            send(context, space, observations, false);
        }
    }

    /** Splits bytes, not text: decoding would hide what is not UTF-8. */
    private static List<byte[]> lines(byte[] body) {
        List<byte[]> lines = new ArrayList<>();
        int from = 0;
        for (int i = 0; i <= body.length; i++) {
            if (i == body.length || body[i] == '\n') {
                lines.add(Arrays.copyOfRange(body, from, i));
                from = i + 1;
            }
        }
        return lines;
    }

    /** An observation as on the wire, without a session: the bytes are judged as the client sent them. */
    private static Observation observation(String where, byte[] json) {
        Decoded decoded = ObservationCodec.decodeUnsequenced(json);
        if (decoded instanceof Decoded.Malformed malformed) {
            throw Problem.badRequest(where + malformed.detail()).asException();
        }
        return ((Decoded.Valid) decoded).observation();
    }

    // Always sent, whatever is stored now: an observation that came before may still be on its way to the store.
    private void forget(Context context) throws InterruptedException {
        String space = RecallRoutes.spaceOf(context);
        ObjectNode forget = JsonBody.MAPPER
                .createObjectNode()
                .put("op", Operation.FORGET.label())
                .put("id", context.pathParam("id"));
        byte[] json = forget.toString().getBytes(StandardCharsets.UTF_8);
        send(context, space, List.of(observation("", json)), false);
    }

    private void drop(Context context) throws InterruptedException {
        send(context, RecallRoutes.spaceOf(context), List.of(Observation.of(Operation.DROP)), false);
    }

    private void configure(Context context) throws InterruptedException {
        String space = RecallRoutes.spaceOf(context);
        JsonBody body = ApiServer.jsonBody(context);
        body.allowOnly(Set.of("dimension", "ttl_ms", "max_memories"));
        ObjectNode configure = JsonBody.MAPPER.createObjectNode().put("op", Operation.CONFIGURE.label());
        configure.set("settings", body.object());
        byte[] json = configure.toString().getBytes(StandardCharsets.UTF_8);
        send(context, space, List.of(observation("", json)), false);
    }

    private void fate(Context context) throws InterruptedException {
        String space = RecallRoutes.spaceOf(context);
        Lane lane = StatusRoutes.laneOf(context);
        long offset = Query.number("offset", context.pathParam("offset"));
        long timeoutMs = Query.one(context, "timeout_ms")
                .map(text -> Math.min(maxTimeoutMs, Query.number("timeout_ms", text)))
                .orElse(0L);
        answers.json(context, 200, fate(router.isHop(context), space, lane, offset, timeoutMs));
    }

    /** What became of a record, from the instance that processes its space. */
    private ObjectNode fate(boolean hop, String space, Lane lane, long offset, long timeoutMs)
            throws InterruptedException {
        String path = "/v1/spaces/" + space + "/records/" + lane.label() + "/" + offset + "?timeout_ms=" + timeoutMs;
        return router.route(
                        hop,
                        space,
                        RequestRouter.Budget.of(timeoutMs + FATE_MARGIN_MS, true),
                        () -> describe(concurrency.waiting(() -> gateway.await(space, lane, offset, timeoutMs))),
                        Peers.Call.get(path))
                .answer();
    }

    private void send(Context context, String space, List<Observation> observations, boolean many)
            throws InterruptedException {
        Lane lane = lane(context);
        boolean wait = Query.has(context, "wait", "indexed");
        boolean observes = observations.stream().anyMatch(each -> each.operation() == Operation.OBSERVE);
        Optional<Long> overloaded = observes ? gateway.overloaded(space, lane) : Optional.empty();
        if (overloaded.isPresent()) {
            throw Problem.retryLater(
                            429, "Too Many Requests", "lane " + lane.label() + " is overloaded", overloaded.get())
                    .asException();
        }
        List<CompletableFuture<Gateway.Enqueued>> sent = new ArrayList<>();
        for (Observation observation : observations) {
            sent.add(gateway.send(space, lane, observation));
            if (sent.get(sent.size() - 1).isCompletedExceptionally()) {
                break; // the broker is in trouble: the rest would only wait for it as well
            }
        }
        List<Gateway.Enqueued> enqueued = concurrency.waitingIfPossible(() -> allAcknowledged(sent));
        long deadline = System.nanoTime() + maxTimeoutMs * 1_000_000;
        ArrayNode results = JsonBody.MAPPER.createArrayNode();
        int status = wait ? 200 : 202;
        for (Gateway.Enqueued record : enqueued) {
            if (!wait) {
                results.add(describe(record));
                continue;
            }
            ObjectNode fate = fateBy(deadline, space, lane, record);
            if (isFor(fate, RejectionReason.DUPLICATE)) {
                // Whoever sends the same again gets the same answer.
                fate = describe(new Gateway.Fate.Indexed()).put("repeated", true);
            }
            if (fate.has("reason") && fate.path("status").asText().equals("rejected") && !many) {
                throw rejected(fate);
            }
            boolean settled =
                    Set.of("indexed", "rejected").contains(fate.path("status").asText());
            status = settled ? status : 202;
            results.add(describe(record).setAll(fate));
        }
        answers.json(
                context, status, many ? JsonBody.MAPPER.createObjectNode().set("results", results) : results.get(0));
    }

    private static ObjectNode describe(Gateway.Enqueued record) {
        ObjectNode result = JsonBody.MAPPER
                .createObjectNode()
                .put("topic", record.topic())
                .put("partition", record.partition())
                .put("offset", record.offset());
        record.id().ifPresent(id -> result.put("id", id));
        return result;
    }

    private static boolean isFor(ObjectNode fate, RejectionReason reason) {
        return fate.path("reason").asText().equals(reason.label());
    }

    /**
     * What became of a record until then.
     *
     * @param deadline of {@link System#nanoTime}
     */
    private ObjectNode fateBy(long deadline, String space, Lane lane, Gateway.Enqueued record)
            throws InterruptedException {
        long leftMs = (deadline - System.nanoTime()) / 1_000_000;
        return leftMs > 0 ? fateOf(space, lane, record, leftMs) : describe(new Gateway.Fate.Pending());
    }

    /** The record is in Kafka, whoever can be asked about it: not to know its fate is no failure. */
    private ObjectNode fateOf(String space, Lane lane, Gateway.Enqueued record, long timeoutMs)
            throws InterruptedException {
        try {
            return fate(false, space, lane, record.offset(), timeoutMs);
        } catch (UnavailableException | Problem.ProblemException e) {
            return describe(new Gateway.Fate.Pending());
        }
    }

    private static ObjectNode describe(Gateway.Fate fate) {
        ObjectNode result = JsonBody.MAPPER.createObjectNode();
        if (fate instanceof Gateway.Fate.Rejected rejected) {
            return describe(result.put("status", "rejected"), rejected.rejection());
        }
        if (fate instanceof Gateway.Fate.Repeated repeated) {
            return describe(result.put("status", "rejected"), repeated.rejection());
        }
        if (fate instanceof Gateway.Fate.Deferred deferred) {
            return describe(result.put("status", "deferred"), deferred.rejection());
        }
        if (fate instanceof Gateway.Fate.Processed) {
            return result.put("status", "processed");
        }
        if (fate instanceof Gateway.Fate.Absent) {
            return result.put("status", "absent");
        }
        return result.put("status", fate instanceof Gateway.Fate.Indexed ? "indexed" : "pending");
    }

    private static ObjectNode describe(ObjectNode result, RecentRejections.Rejection rejection) {
        result.put("reason", rejection.reason().label()).put("detail", rejection.detail());
        rejection.retryAfterMs().ifPresent(ms -> result.put("retry_after_ms", ms));
        return result;
    }

    private static Problem.ProblemException rejected(ObjectNode fate) {
        RejectionReason reason =
                RejectionReason.ofLabel(fate.path("reason").asText()).orElse(RejectionReason.INTERNAL_ERROR);
        String detail = reason.label() + ": " + fate.path("detail").asText();
        if (reason == RejectionReason.OVER_CAPACITY) {
            return Problem.retryLater(
                            429,
                            "Too Many Requests",
                            detail,
                            fate.path("retry_after_ms").asLong(1_000))
                    .asException();
        }
        return reason == RejectionReason.INVALID_OBSERVATION
                ? Problem.badRequest(detail).asException()
                : Problem.of(500, "Internal Server Error", detail).asException();
    }

    private static List<Gateway.Enqueued> allAcknowledged(List<CompletableFuture<Gateway.Enqueued>> sent)
            throws InterruptedException {
        List<Gateway.Enqueued> enqueued = new ArrayList<>();
        for (CompletableFuture<Gateway.Enqueued> future : sent) {
            enqueued.add(acknowledged(future));
        }
        return enqueued;
    }

    private static Gateway.Enqueued acknowledged(CompletableFuture<Gateway.Enqueued> future)
            throws InterruptedException {
        try {
            return future.get(SEND_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw Problem.of(
                            503,
                            "Service Unavailable",
                            "Kafka did not confirm the record in time; it may have arrived: send it again with the same id")
                    .asException();
        } catch (ExecutionException e) {
            throw Problem.retryLater(
                            503,
                            "Service Unavailable",
                            "Kafka did not take the record: " + e.getCause().getMessage(),
                            1_000)
                    .asException();
        }
    }

    private static Lane lane(Context context) {
        String priority = Query.one(context, "priority").orElse(Lane.NORMAL.label());
        return Lane.ofLabel(priority)
                .orElseThrow(() -> Problem.badRequest("priority must be high, normal or low, got '" + priority + "'")
                        .asException());
    }
}
