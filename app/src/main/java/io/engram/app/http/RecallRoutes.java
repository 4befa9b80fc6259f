package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.query.LocalStores;
import io.engram.app.query.RecallParameters;
import io.engram.app.query.RecallService;
import io.engram.app.query.UnavailableException;
import io.engram.schemas.MemorySpaces;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.recall.RecallOutcome;
import io.engram.topology.store.StoredMemory;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;

/** Recall of one space and of several, and reading one memory. */
final class RecallRoutes {
    private static final String NDJSON = "application/x-ndjson";
    private static final int STREAM_BATCH = 10;
    private static final int MAX_SPACES = 100;

    private final RecallService recall;
    private final LocalStores stores;
    private final EngramMetrics metrics;
    private final Concurrency concurrency;
    private final Supplier<String> servedBy;
    private final long maxTimeoutMs;

    RecallRoutes(
            RecallService recall,
            LocalStores stores,
            EngramMetrics metrics,
            Concurrency concurrency,
            Supplier<String> servedBy,
            long maxTimeoutMs) {
        this.recall = recall;
        this.stores = stores;
        this.metrics = metrics;
        this.concurrency = concurrency;
        this.servedBy = servedBy;
        this.maxTimeoutMs = maxTimeoutMs;
    }

    void register(RoutesConfig routes) {
        routes.post("/v1/spaces/{space}/recall", concurrency.limit(this::recallOne));
        routes.post("/v1/recall", concurrency.limit(this::recallSeveral));
        routes.get("/v1/spaces/{space}/memories/{id}", concurrency.limit(this::memory));
    }

    private void recallOne(Context context) throws InterruptedException {
        long start = System.nanoTime();
        String space = spaceOf(context);
        try {
            RecallBody body = RecallBody.parse(ApiServer.jsonBody(context), maxTimeoutMs, Set.of());
            RecallOutcome.Found found = found(space, body.parameters());
            List<ObjectNode> results = new ArrayList<>();
            found.memories().forEach(memory -> results.add(MemoryJson.recalled(memory, body.include())));
            respond(context, results, snapshot(found), List.of(), start);
        } finally {
            // The whole request, answered or not; spaces that nobody uses get no series.
            metrics.knownSpace(space).recalled((System.nanoTime() - start) / 1e9);
        }
    }

    private static ObjectNode snapshot(RecallOutcome.Found found) {
        ObjectNode snapshot = JsonBody.MAPPER.createObjectNode().put("generation", found.generation());
        snapshot.set("indexed_offsets", JsonBody.MAPPER.valueToTree(found.indexedOffsets()));
        return snapshot;
    }

    private RecallOutcome.Found found(String space, RecallParameters parameters) throws InterruptedException {
        RecallOutcome outcome;
        try {
            outcome = recall.recall(space, parameters);
        } catch (IllegalArgumentException e) {
            throw Problem.badRequest(e.getMessage()).asException();
        }
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

    /** What one space could not answer; the others still do. */
    private record Failure(String space, Problem problem) {}

    private void recallSeveral(Context context) throws InterruptedException {
        long start = System.nanoTime();
        JsonBody json = ApiServer.jsonBody(context);
        RecallBody body = RecallBody.parse(json, maxTimeoutMs, Set.of("spaces"));
        List<ObjectNode> merged = new ArrayList<>();
        List<Failure> failures = new ArrayList<>();
        Map<String, JsonNode> snapshots = new TreeMap<>();
        Set<String> spaces = spaces(json);
        requireKnownOffsets(spaces, body.parameters());
        for (String space : spaces) {
            long leftMs = body.parameters().timeoutMs() - (System.nanoTime() - start) / 1_000_000;
            RecallParameters parameters = body.parameters().of(stores.partitionOf(space), Math.max(1, leftMs));
            try {
                RecallOutcome.Found found = found(space, parameters);
                for (RecallOutcome.Recalled memory : found.memories()) {
                    merged.add(MemoryJson.recalled(memory, body.include()).put("space", space));
                }
                snapshots.put(space, snapshot(found));
            } catch (Problem.ProblemException e) {
                failures.add(new Failure(space, e.problem()));
            } catch (UnavailableException e) {
                failures.add(new Failure(space, ApiServer.unavailable(e)));
            } catch (RecallService.NotIndexedInTimeException e) {
                failures.add(new Failure(space, ApiServer.notIndexed(e)));
            } finally {
                metrics.knownSpace(space).recalled((System.nanoTime() - start) / 1e9);
            }
        }
        if (snapshots.isEmpty()) {
            throw failures.get(0).problem().asException();
        }
        merged.sort(
                Comparator.comparingDouble(result -> -result.get("similarity").doubleValue()));
        List<ObjectNode> results = merged.subList(0, Math.min(body.parameters().k(), merged.size()));
        respond(context, results, JsonBody.MAPPER.valueToTree(snapshots), failures, start);
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

    private void respond(
            Context context, List<ObjectNode> results, JsonNode snapshot, List<Failure> failures, long startNanos) {
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        String accept = context.header("Accept");
        boolean stream = accept != null && accept.contains(NDJSON);
        if (!stream) {
            answer.putArray("results").addAll(results);
        }
        answer.set("snapshot", snapshot);
        answer.put("partial", !failures.isEmpty());
        if (!failures.isEmpty()) {
            ArrayNode failed = answer.putArray("failed");
            failures.forEach(failure -> failed.addObject()
                    .put("space", failure.space())
                    .put("status", failure.problem().status())
                    .put("detail", failure.problem().detail()));
        }
        answer.put("served_by", servedBy.get());
        answer.put("role", "active");
        answer.put("took_ms", Math.round((System.nanoTime() - startNanos) / 1e4) / 100.0);
        if (stream) {
            context.contentType(NDJSON).result(lines(results, answer));
        } else {
            ApiServer.json(context, 200, answer);
        }
    }

    /** Batches of ten, best first, then a line that says how the search went. */
    private static byte[] lines(List<ObjectNode> results, ObjectNode trailer) {
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        for (int from = 0; from < results.size(); from += STREAM_BATCH) {
            ObjectNode batch = JsonBody.MAPPER.createObjectNode();
            batch.putArray("results").addAll(results.subList(from, Math.min(from + STREAM_BATCH, results.size())));
            lines.writeBytes((batch + "\n").getBytes(StandardCharsets.UTF_8));
        }
        lines.writeBytes((trailer.put("done", true) + "\n").getBytes(StandardCharsets.UTF_8));
        return lines.toByteArray();
    }

    private void memory(Context context) {
        String space = spaceOf(context);
        String id = context.pathParam("id");
        boolean withEmbedding = "embedding".equals(context.queryParam("include"));
        Set<String> include =
                withEmbedding ? Set.of("content", "metadata", "embedding") : Set.of("content", "metadata");
        Optional<StoredMemory> memory = stores.ask(space, view -> view.memory(space, id));
        ApiServer.json(
                context,
                200,
                MemoryJson.memory(id, memory.orElseThrow(() -> ApiServer.unknownMemory(space, id)), include));
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
