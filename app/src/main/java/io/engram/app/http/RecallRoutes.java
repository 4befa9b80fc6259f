package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.query.LocalStores;
import io.engram.app.query.Peers;
import io.engram.app.query.RecallParameters;
import io.engram.app.query.RecallService;
import io.engram.app.query.UnavailableException;
import io.engram.schemas.MemorySpaces;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.InstanceMetrics;
import io.engram.topology.recall.RecallOutcome;
import io.engram.topology.store.StoredMemory;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Recall of one space and of several, and reading one memory. */
final class RecallRoutes {
    private static final String NDJSON = "application/x-ndjson";
    private static final String PARTIAL = "partial";
    private static final int STREAM_BATCH = 10;
    private static final int MAX_SPACES = 100;
    private static final long PART_MARGIN_MS = 500;
    private static final Logger LOG = LoggerFactory.getLogger(RecallRoutes.class);

    private final RecallService recall;
    private final LocalStores stores;
    private final RequestRouter router;
    private final ExecutorService scatter;
    private final EngramMetrics metrics;
    private final Concurrency concurrency;
    private final Supplier<String> servedBy;
    private final long maxTimeoutMs;

    RecallRoutes(
            RecallService recall,
            LocalStores stores,
            RequestRouter router,
            ExecutorService scatter,
            EngramMetrics metrics,
            Concurrency concurrency,
            Supplier<String> servedBy,
            long maxTimeoutMs) {
        this.recall = recall;
        this.stores = stores;
        this.router = router;
        this.scatter = scatter;
        this.metrics = metrics;
        this.concurrency = concurrency;
        this.servedBy = servedBy;
        this.maxTimeoutMs = maxTimeoutMs;
    }

    void register(RoutesConfig routes) {
        routes.post("/v1/spaces/{space}/recall", concurrency.limit(this::recallOne));
        routes.post("/v1/recall", concurrency.limit(this::recallSeveral));
        routes.after("/v1/spaces/{space}/recall", this::countOutcome);
        routes.after("/v1/recall", this::countOutcome);
        routes.get("/v1/spaces/{space}/memories/{id}", concurrency.limit(this::memory));
    }

    /** Where the client asked, whoever served: another instance's calls are its own client's recalls. */
    private void countOutcome(Context context) {
        if (context.header(Peers.HOP_HEADER) == null) {
            metrics.instance()
                    .recalled(
                            Boolean.TRUE.equals(context.attribute(PARTIAL))
                                    ? InstanceMetrics.RecallOutcome.PARTIAL
                                    : InstanceMetrics.RecallOutcome.ofStatus(context.statusCode()));
        }
    }

    private void recallOne(Context context) throws InterruptedException {
        long start = System.nanoTime();
        String space = spaceOf(context);
        boolean here = true;
        try {
            boolean hop = router.isHop(context);
            RecallBody body = RecallBody.parse(ApiServer.jsonBody(context), maxTimeoutMs, Set.of());
            RequestRouter.Routed routed = recall(hop, space, body, context.bodyAsBytes());
            here = routed.here();
            respond(context, routed.answer(), start);
        } finally {
            if (here) {
                // The whole request, answered or not, where it was served; spaces that nobody uses get no series.
                metrics.knownSpace(space).recalled((System.nanoTime() - start) / 1e9);
            }
        }
    }

    private RequestRouter.Routed recall(boolean hop, String space, RecallBody body, byte[] json)
            throws InterruptedException {
        RecallParameters parameters = body.parameters();
        RequestRouter.Budget budget = RequestRouter.Budget.of(
                parameters.timeoutMs(), !parameters.minOffsets().isEmpty());
        return router.route(
                hop,
                space,
                budget,
                () -> recallHere(space, body),
                Peers.Call.post("/v1/spaces/" + space + "/recall", json));
    }

    private ObjectNode recallHere(String space, RecallBody body) throws InterruptedException {
        RecallService.Recalled recalled;
        try {
            recalled = recall.recall(space, body.parameters());
        } catch (IllegalArgumentException e) {
            throw Problem.badRequest(e.getMessage()).asException();
        }
        RecallOutcome.Found found = found(space, recalled.outcome());
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        ArrayNode results = answer.putArray("results");
        found.memories().forEach(memory -> results.add(MemoryJson.recalled(memory, body.include())));
        answer.set("snapshot", snapshot(found));
        answer.put("partial", false);
        answer.put("served_by", servedBy.get());
        answer.put("role", recalled.role().label());
        return answer.put("lag", recalled.lag());
    }

    private static ObjectNode snapshot(RecallOutcome.Found found) {
        ObjectNode snapshot = JsonBody.MAPPER.createObjectNode().put("generation", found.generation());
        snapshot.set("indexed_offsets", JsonBody.MAPPER.valueToTree(found.indexedOffsets()));
        return snapshot;
    }

    private static RecallOutcome.Found found(String space, RecallOutcome outcome) {
        if (outcome instanceof RecallOutcome.Found found) {
            return found;
        }
        if (outcome instanceof RecallOutcome.WrongDimension wrong) {
            throw Problem.badRequest(
                            "vector has %d dimensions, but space '%s' has %d; embed the query with the model of the memories"
                                    .formatted(wrong.actual(), space, wrong.expected()))
                    .asException();
        }
        throw ApiServer.unknownSpace(space);
    }

    /** What one of several spaces came to. */
    private sealed interface Part {
        String space();

        record Answered(String space, ObjectNode answer) implements Part {}

        /** The others still do. */
        record Failed(String space, Problem problem) implements Part {}
    }

    private void recallSeveral(Context context) throws InterruptedException {
        long start = System.nanoTime();
        boolean hop = router.isHop(context);
        JsonBody json = ApiServer.jsonBody(context);
        RecallBody body = RecallBody.parse(json, maxTimeoutMs, Set.of("spaces"));
        Set<String> spaces = spaces(json);
        requireKnownOffsets(spaces, body.parameters());
        List<Future<Part>> parts = new ArrayList<>();
        for (String space : spaces) {
            parts.add(scatter.submit(() -> part(hop, space, body, json.object(), start)));
        }
        ObjectNode merged = JsonBody.MAPPER.createObjectNode();
        List<JsonNode> results = new ArrayList<>();
        ObjectNode snapshots = JsonBody.MAPPER.createObjectNode();
        ArrayNode failed = JsonBody.MAPPER.createArrayNode();
        boolean standby = false;
        long lag = 0;
        Optional<Problem> problem = Optional.empty();
        Iterator<String> names = spaces.iterator();
        for (Future<Part> future : parts) {
            long leftMs = body.parameters().timeoutMs() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            Part part = done(names.next(), future, Math.max(1, leftMs) + PART_MARGIN_MS);
            if (part instanceof Part.Answered answered) {
                answered.answer().path("results").forEach(result -> {
                    ((ObjectNode) result).put("space", answered.space());
                    results.add(result);
                });
                ObjectNode snapshot = (ObjectNode) answered.answer().get("snapshot");
                snapshots.set(
                        answered.space(),
                        snapshot.put("served_by", text(answered, "served_by")).put("role", text(answered, "role")));
                standby |= text(answered, "role").equals("standby");
                lag = Math.max(lag, answered.answer().path("lag").asLong());
            } else if (part instanceof Part.Failed failure) {
                problem = problem.or(() -> Optional.of(failure.problem()));
                failed.addObject()
                        .put("space", failure.space())
                        .put("status", failure.problem().status())
                        .put("detail", failure.problem().detail());
            }
        }
        if (snapshots.isEmpty()) {
            throw problem.orElseThrow().asException();
        }
        results.sort(
                Comparator.comparingDouble(result -> -result.get("similarity").doubleValue()));
        merged.putArray("results")
                .addAll(results.subList(0, Math.min(body.parameters().k(), results.size())));
        merged.set("snapshot", snapshots);
        merged.put("partial", !failed.isEmpty());
        if (!failed.isEmpty()) {
            context.attribute(PARTIAL, true);
            merged.set("failed", failed);
        }
        merged.put("served_by", servedBy.get());
        merged.put("role", standby ? "standby" : "active").put("lag", lag);
        respond(context, merged, start);
    }

    private static String text(Part.Answered part, String field) {
        return part.answer().path(field).asText();
    }

    private Part part(boolean hop, String space, RecallBody body, ObjectNode json, long start)
            throws InterruptedException {
        long leftMs = body.parameters().timeoutMs() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        RecallParameters own = body.parameters().of(stores.partitionOf(space), Math.max(1, leftMs));
        ObjectNode call = json.deepCopy();
        call.remove("spaces");
        call.put("timeout_ms", own.timeoutMs());
        call.set("min_offsets", JsonBody.MAPPER.valueToTree(own.minOffsets()));
        boolean here = true;
        try {
            RequestRouter.Routed routed = recall(
                    hop,
                    space,
                    new RecallBody(own, body.include()),
                    call.toString().getBytes(StandardCharsets.UTF_8));
            here = routed.here();
            return new Part.Answered(space, routed.answer());
        } catch (Problem.ProblemException e) {
            return new Part.Failed(space, e.problem());
        } catch (UnavailableException e) {
            return new Part.Failed(space, ApiServer.unavailable(e));
        } catch (RecallService.NotIndexedInTimeException e) {
            return new Part.Failed(space, ApiServer.notIndexed(e));
        } finally {
            if (here) {
                metrics.knownSpace(space).recalled((System.nanoTime() - start) / 1e9);
            }
        }
    }

    private static Part done(String space, Future<Part> future, long timeoutMs) throws InterruptedException {
        try {
            return future.get(timeoutMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            future.cancel(true);
            return new Part.Failed(space, Problem.of(504, "Gateway Timeout", "no answer within the request's timeout"));
        } catch (ExecutionException e) {
            LOG.error("Recall of space {} failed unexpectedly", space, e.getCause());
            return new Part.Failed(
                    space,
                    Problem.of(
                            500,
                            "Internal Server Error",
                            "an unexpected error, see the log: "
                                    + e.getCause().getClass().getSimpleName()));
        }
    }

    /** An offset of a partition on which none of the spaces lives would never be waited for. */
    private void requireKnownOffsets(Set<String> spaces, RecallParameters parameters) {
        for (String lane : parameters.minOffsets().keySet()) {
            if (spaces.stream().noneMatch(space -> lane.endsWith("-" + stores.partitionOf(space)))) {
                throw Problem.badRequest("min_offsets." + lane + " is on no partition of the spaces asked for")
                        .asException();
            }
        }
    }

    private static Set<String> spaces(JsonBody body) {
        JsonNode value = body.field("spaces").orElse(JsonBody.MAPPER.createArrayNode());
        if (!value.isArray() || value.isEmpty() || value.size() > MAX_SPACES) {
            throw JsonBody.wrong("spaces", "a list of 1 to " + MAX_SPACES + " memory spaces", value);
        }
        Set<String> spaces = new LinkedHashSet<>();
        for (JsonNode space : value) {
            if (!space.isTextual() || !MemorySpaces.isValid(space.textValue())) {
                throw JsonBody.wrong("spaces", "a list of memory spaces (" + MemorySpaces.PATTERN + ")", value);
            }
            spaces.add(space.textValue());
        }
        return spaces;
    }

    private static void respond(Context context, ObjectNode answer, long startNanos) {
        answer.put("took_ms", Math.round((System.nanoTime() - startNanos) / 1e4) / 100.0);
        if (MediaTypes.wanted(context, MediaTypes.JSON, NDJSON).equals(NDJSON)) {
            ArrayNode results = (ArrayNode) answer.remove("results");
            context.contentType(NDJSON).result(lines(results, answer));
        } else {
            ApiServer.json(context, 200, answer);
        }
    }

    /** Batches of ten, best first, then a line that says how the search went. */
    private static byte[] lines(ArrayNode results, ObjectNode trailer) {
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        for (int from = 0; from < results.size(); from += STREAM_BATCH) {
            ObjectNode batch = JsonBody.MAPPER.createObjectNode();
            ArrayNode some = batch.putArray("results");
            for (int i = from; i < Math.min(from + STREAM_BATCH, results.size()); i++) {
                some.add(results.get(i));
            }
            lines.writeBytes((batch + "\n").getBytes(StandardCharsets.UTF_8));
        }
        lines.writeBytes((trailer.put("done", true) + "\n").getBytes(StandardCharsets.UTF_8));
        return lines.toByteArray();
    }

    private void memory(Context context) throws InterruptedException {
        String space = spaceOf(context);
        String id = context.pathParam("id");
        String query = "embedding".equals(context.queryParam("include")) ? "?include=embedding" : "";
        Set<String> include =
                query.isEmpty() ? Set.of("content", "metadata") : Set.of("content", "metadata", "embedding");
        RequestRouter.Routed routed = router.route(
                router.isHop(context),
                space,
                RequestRouter.Budget.of(maxTimeoutMs, false),
                () -> {
                    Optional<StoredMemory> memory = isForActive(context)
                            ? stores.askActive(space, view -> view.memory(space, id))
                            : stores.ask(space, view -> view.memory(space, id));
                    return MemoryJson.memory(id, memory.orElseThrow(() -> ApiServer.unknownMemory(space, id)), include);
                },
                Peers.Call.get("/v1/spaces/" + space + "/memories/" + Peers.segment(id) + query));
        ApiServer.json(context, 200, routed.answer());
    }

    /** True for a question that a standby might answer wrongly. */
    static boolean isForActive(Context context) {
        return "true".equals(context.queryParam("active"));
    }

    static String spaceOf(Context context) {
        String space = context.pathParam("space");
        if (!MemorySpaces.isValid(space)) {
            throw Problem.badRequest("'" + space + "' is no legal memory space; 1 to 128 characters of [A-Za-z0-9._-]")
                    .asException();
        }
        return space;
    }
}
