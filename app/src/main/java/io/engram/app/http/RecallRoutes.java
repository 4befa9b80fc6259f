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
import io.engram.topology.format.StoredMemory;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.InstanceMetrics;
import io.engram.topology.recall.Effort;
import io.engram.topology.recall.RecallOutcome;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Recall of one space and of several, and reading one memory. */
final class RecallRoutes {
    private static final String PARTIAL = "partial";

    /** What an answer may hold of memories before it is written; the rest is read when it is its turn. */
    private static final long HELD_BYTES = 1 << 20;

    /** An estimate of what a memory takes, with an embedding of some thousand dimensions. */
    private static final int MEMORY_BYTES = 16 << 10;

    /** What a memory takes that was found and is not held. */
    private static final int RANKED_BYTES = 256;

    /** What a memory takes as text, as a tree and as JSON, for each byte that is stored. */
    private static final int JSON_SHARE = 8;

    private static final int MAX_SPACES = 100;
    private static final long PART_MARGIN_MS = 500;
    private static final Logger LOG = LoggerFactory.getLogger(RecallRoutes.class);

    private final RecallService recall;
    private final LocalStores stores;
    private final RequestRouter router;
    private final Scatter scatter;
    private final EngramMetrics metrics;
    private final Concurrency concurrency;
    private final Answers answers;
    private final Supplier<String> servedBy;
    private final long maxTimeoutMs;

    RecallRoutes(
            RecallService recall,
            LocalStores stores,
            RequestRouter router,
            Scatter scatter,
            EngramMetrics metrics,
            Concurrency concurrency,
            Answers answers,
            Supplier<String> servedBy,
            long maxTimeoutMs) {
        this.recall = recall;
        this.stores = stores;
        this.router = router;
        this.scatter = scatter;
        this.metrics = metrics;
        this.concurrency = concurrency;
        this.answers = answers;
        this.servedBy = servedBy;
        this.maxTimeoutMs = maxTimeoutMs;
    }

    void register(RoutesConfig routes) {
        routes.post("/v1/spaces/{space}/recall", concurrency.limit(this::recallOne));
        routes.post("/v1/recall", concurrency.limit(this::recallSeveral));
        routes.after("/v1/spaces/{space}/recall", this::countOutcome);
        routes.after("/v1/recall", this::countOutcome);
        routes.get("/v1/spaces/{space}/memories/{id}", concurrency.limit(this::memory, "include"));
    }

    /** Where the client asked, whoever served: another instance's calls are its own client's recalls. */
    private void countOutcome(Context context) {
        if (context.header(Peers.HOP_HEADER) == null) {
            metrics.instance().recalled(outcome(context));
        }
    }

    private static InstanceMetrics.RequestOutcome outcome(Context context) {
        if (Boolean.TRUE.equals(context.attribute(Answers.LEFT))) {
            return InstanceMetrics.RequestOutcome.CLIENT_CLOSED;
        }
        return Boolean.TRUE.equals(context.attribute(PARTIAL))
                ? InstanceMetrics.RequestOutcome.PARTIAL
                : InstanceMetrics.RequestOutcome.ofStatus(context.statusCode());
    }

    private void recallOne(Context context) throws InterruptedException {
        long start = System.nanoTime();
        String space = spaceOf(context);
        boolean here = true;
        try {
            boolean hop = router.isHop(context);
            RecallBody body = RecallBody.parse(ApiServer.jsonBody(context), maxTimeoutMs, Set.of());
            String type = MediaTypes.wanted(context, MediaTypes.JSON, MediaTypes.NDJSON);
            try (Budget.Grant room = room(context, 1, body)) {
                Asked asked = new Asked(hop, start, 1, body, room, concurrency.hasLeft());
                RequestRouter.Routed<Answered> routed = route(
                        asked,
                        space,
                        body,
                        new RequestRouter.Remote<>(
                                Peers.Call.post("/v1/spaces/" + space + "/recall", context.bodyAsBytes(), type),
                                room::grow,
                                Answered.There::of));
                here = routed.here();
                if (routed.answer() instanceof Answered.Here mine) {
                    write(context, answer(asked, mine), body, (unused, found) -> reread(space, body, found));
                } else if (routed.answer() instanceof Answered.There there) {
                    writeAsItCame(context, type, there);
                }
            }
        } finally {
            if (here) {
                // The whole request, answered or not, where it was served; spaces that nobody uses get no series.
                metrics.knownSpace(space).recalled((System.nanoTime() - start) / 1e9);
            }
        }
    }

    /** Room for what an answer holds in the heap before it is written. */
    private Budget.Grant room(Context context, int spaces, RecallBody body) {
        long each = body.parameters().k() * (long) RANKED_BYTES;
        long held = Math.min(HELD_BYTES, each + body.parameters().k() * (long) MEMORY_BYTES);
        return answers.room(context, spaces * each + held);
    }

    /**
     * A request and what it may cost.
     *
     * @param hop true to ask nobody else
     * @param startNanos when it came
     * @param spaces how many share what it may hold
     * @param unwanted true once its client has left
     */
    private record Asked(
            boolean hop, long startNanos, int spaces, RecallBody body, Budget.Grant room, BooleanSupplier unwanted) {
        long leftMs() {
            return body.parameters().timeoutMs() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
        }

        Effort effort() {
            return Effort.of(leftMs(), HELD_BYTES / spaces, unwanted);
        }
    }

    /** What one space came to. */
    private sealed interface Answered {
        /** Found by this instance. */
        record Here(RecallOutcome.Found found, String role, long lag) implements Answered {}

        /** Found by another one, as it said it. */
        record There(byte[] bytes, boolean partial) implements Answered {
            static There of(HttpResponse<byte[]> answer) {
                return new There(
                        answer.body(),
                        answer.headers()
                                .firstValue(Peers.PARTIAL_HEADER)
                                .map(Boolean::valueOf)
                                .orElse(false));
            }
        }
    }

    private RequestRouter.Routed<Answered> route(
            Asked asked, String space, RecallBody body, RequestRouter.Remote<Answered> remote)
            throws InterruptedException {
        RecallParameters parameters = body.parameters();
        RequestRouter.Budget budget = RequestRouter.Budget.of(
                parameters.timeoutMs(), !parameters.minOffsets().isEmpty());
        return router.route(asked.hop(), space, budget, () -> recallHere(asked, space, parameters), remote);
    }

    private Answered recallHere(Asked asked, String space, RecallParameters parameters) throws InterruptedException {
        if (!parameters.minOffsets().isEmpty()) {
            try {
                concurrency.waiting(() -> {
                    recall.awaitIndexed(space, parameters);
                    return true;
                });
            } catch (IllegalArgumentException e) {
                throw Problem.badRequest(e.getMessage()).asException();
            }
            concurrency.resume(Math.max(0, asked.leftMs()));
        }
        RecallService.Recalled recalled = recall.recall(space, parameters, asked.effort());
        concurrency.requireCaller();
        RecallOutcome.Found found = found(space, recalled.outcome());
        metrics.seen(space, stores.partitionOf(space));
        return new Answered.Here(found, recalled.role().label(), recalled.lag());
    }

    private RecallAnswer answer(Asked asked, Answered.Here mine) {
        List<RecallAnswer.Result> results = new ArrayList<>();
        mine.found().memories().forEach(memory -> results.add(new RecallAnswer.Result.Here(memory, Optional.empty())));
        ObjectNode about = JsonBody.MAPPER.createObjectNode();
        about.set("snapshot", snapshot(mine.found()));
        about.put("partial", !mine.found().complete());
        about.put("served_by", servedBy.get());
        about.put("role", mine.role());
        about.put("lag", mine.lag());
        return new RecallAnswer(results, about.put("took_ms", tookMs(asked)));
    }

    private static double tookMs(Asked asked) {
        return Math.round((System.nanoTime() - asked.startNanos()) / 1e4) / 100.0;
    }

    /** A memory that was found and not held, as it is now; gone when its partition is. */
    private Optional<RecallOutcome.Recalled> reread(String space, RecallBody body, RecallOutcome.Recalled found) {
        return recall.read(space, body.parameters(), found);
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

        /**
         * @param about everything but the results
         */
        record Found(String space, List<RecallAnswer.Result> results, ObjectNode about) implements Part {}

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
        try (Budget.Grant room = room(context, spaces.size(), body)) {
            Asked asked = new Asked(hop, start, spaces.size(), body, room, concurrency.hasLeft());
            List<Callable<Part>> parts = new ArrayList<>();
            for (String space : spaces) {
                parts.add(concurrency.helping(() -> part(asked, space, json.object())));
            }
            List<Part> done = allDone(asked, spaces, scatter.all(parts));
            concurrency.requireCaller();
            concurrency.resume(Math.max(0, asked.leftMs()));
            RecallAnswer answer = merged(asked, done);
            write(context, answer, body, (space, found) -> reread(space.orElseThrow(), body, found));
        }
    }

    /** What helpers are still doing is waited for, in no place of those that are worked on. */
    private List<Part> allDone(Asked asked, Set<String> spaces, List<Future<Part>> futures)
            throws InterruptedException {
        return futures.stream().allMatch(Future::isDone)
                ? done(asked, spaces, futures)
                : concurrency.waitingIfPossible(() -> done(asked, spaces, futures));
    }

    private static List<Part> done(Asked asked, Set<String> spaces, List<Future<Part>> futures)
            throws InterruptedException {
        List<Part> done = new ArrayList<>();
        Iterator<String> names = spaces.iterator();
        for (Future<Part> future : futures) {
            done.add(done(names.next(), future, Math.max(1, asked.leftMs()) + PART_MARGIN_MS));
        }
        return done;
    }

    private RecallAnswer merged(Asked asked, List<Part> parts) {
        List<RecallAnswer.Result> results = new ArrayList<>();
        ObjectNode snapshots = JsonBody.MAPPER.createObjectNode();
        ArrayNode failed = JsonBody.MAPPER.createArrayNode();
        boolean standby = false;
        boolean complete = true;
        long lag = 0;
        Optional<Problem> problem = Optional.empty();
        for (Part part : parts) {
            if (part instanceof Part.Found found) {
                results.addAll(found.results());
                ObjectNode about = found.about();
                String role = about.path("role").asText();
                snapshots.set(
                        found.space(),
                        ((ObjectNode) about.get("snapshot"))
                                .put("served_by", about.path("served_by").asText())
                                .put("role", role));
                standby |= role.equals("standby");
                complete &= !about.path("partial").asBoolean();
                lag = Math.max(lag, about.path("lag").asLong());
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
        results.sort(Comparator.comparingDouble(result -> -result.similarity()));
        ObjectNode about = JsonBody.MAPPER.createObjectNode();
        about.set("snapshot", snapshots);
        about.put("partial", !complete || !failed.isEmpty());
        if (!failed.isEmpty()) {
            about.set("failed", failed);
        }
        about.put("served_by", servedBy.get());
        about.put("role", standby ? "standby" : "active").put("lag", lag);
        int k = Math.min(asked.body().parameters().k(), results.size());
        return new RecallAnswer(List.copyOf(results.subList(0, k)), about.put("took_ms", tookMs(asked)));
    }

    private Part part(Asked asked, String space, ObjectNode json) throws InterruptedException {
        long leftMs = asked.leftMs();
        if (leftMs <= 0) {
            return new Part.Failed(space, tooLate());
        }
        RecallParameters own = asked.body().parameters().of(stores.partitionOf(space), leftMs);
        ObjectNode call = json.deepCopy();
        call.remove("spaces");
        call.put("timeout_ms", own.timeoutMs());
        call.set("min_offsets", JsonBody.MAPPER.valueToTree(own.minOffsets()));
        boolean here = true;
        try {
            RequestRouter.Routed<Answered> routed = route(
                    asked,
                    space,
                    new RecallBody(own, asked.body().include()),
                    new RequestRouter.Remote<>(
                            Peers.Call.post(
                                    "/v1/spaces/" + space + "/recall",
                                    call.toString().getBytes(StandardCharsets.UTF_8)),
                            asked.room()::grow,
                            Answered.There::of));
            here = routed.here();
            return part(asked, space, routed.answer());
        } catch (Problem.ProblemException e) {
            return new Part.Failed(space, e.problem());
        } catch (UnavailableException e) {
            return new Part.Failed(space, ApiServer.unavailable(e));
        } catch (RecallService.NotIndexedInTimeException e) {
            return new Part.Failed(space, ApiServer.notIndexed(e));
        } catch (IOException e) {
            return new Part.Failed(space, Problem.of(502, "Bad Gateway", e.getMessage()));
        } finally {
            if (here) {
                metrics.knownSpace(space).recalled((System.nanoTime() - asked.startNanos()) / 1e9);
            }
        }
    }

    private Part part(Asked asked, String space, Answered answered) throws IOException {
        List<RecallAnswer.Result> results = new ArrayList<>();
        if (answered instanceof Answered.Here mine) {
            mine.found()
                    .memories()
                    .forEach(memory -> results.add(new RecallAnswer.Result.Here(memory, Optional.of(space))));
            return new Part.Found(space, results, answer(asked, mine).about());
        }
        PeerAnswer peer = PeerAnswer.parse(((Answered.There) answered).bytes());
        peer.results().forEach(result -> results.add(new RecallAnswer.Result.There(result, space)));
        return new Part.Found(space, results, peer.about());
    }

    private static Problem tooLate() {
        return Problem.of(504, "Gateway Timeout", "no answer within the request's timeout");
    }

    private static Part done(String space, Future<Part> future, long timeoutMs) throws InterruptedException {
        try {
            return future.get(timeoutMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            future.cancel(true);
            return new Part.Failed(space, tooLate());
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

    private void write(Context context, RecallAnswer answer, RecallBody body, RecallAnswer.Reader reader)
            throws InterruptedException {
        boolean partial = answer.about().path("partial").asBoolean();
        context.attribute(PARTIAL, partial);
        if (context.header(Peers.HOP_HEADER) != null) {
            context.header(Peers.PARTIAL_HEADER, Boolean.toString(partial));
        }
        boolean lines =
                MediaTypes.wanted(context, MediaTypes.JSON, MediaTypes.NDJSON).equals(MediaTypes.NDJSON);
        context.status(200).contentType(lines ? MediaTypes.NDJSON : MediaTypes.JSON);
        answers.write(context, () -> {
            if (lines) {
                answer.writeLines(context.outputStream(), body.include(), reader);
            } else {
                answer.writeJson(context.outputStream(), body.include(), reader);
            }
        });
        // Some of it may not have been there any more when it was its turn.
        context.attribute(PARTIAL, answer.about().path("partial").asBoolean());
    }

    private void writeAsItCame(Context context, String type, Answered.There answer) throws InterruptedException {
        context.attribute(PARTIAL, answer.partial());
        context.status(200).contentType(type);
        answers.write(context, () -> context.outputStream().write(answer.bytes()));
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
                throw JsonBody.wrong("spaces", "a list of memory spaces (" + MemorySpaces.RULE + ")", value);
            }
            spaces.add(space.textValue());
        }
        return spaces;
    }

    private void memory(Context context) throws InterruptedException {
        String space = spaceOf(context);
        String id = context.pathParam("id");
        String query = Query.has(context, "include", "embedding") ? "?include=embedding" : "";
        Set<String> include =
                query.isEmpty() ? Set.of("content", "metadata") : Set.of("content", "metadata", "embedding");
        byte[] json;
        try (Budget.Grant room = answers.room(context, MEMORY_BYTES)) {
            json = router.route(
                            router.isHop(context),
                            space,
                            RequestRouter.Budget.of(maxTimeoutMs, false),
                            () -> memoryHere(space, id, include, room),
                            // As it came: read and written again, numbers might not be what they were.
                            new RequestRouter.Remote<>(
                                    Peers.Call.get("/v1/spaces/" + space + "/memories/" + Peers.segment(id) + query),
                                    room::grow,
                                    HttpResponse::body))
                    .answer();
        }
        answers.json(context, 200, json);
    }

    private byte[] memoryHere(String space, String id, Set<String> include, Budget.Grant room)
            throws InterruptedException {
        StoredMemory memory = stores.find(space, view -> view.memory(space, id))
                .orElseThrow(() -> ApiServer.unknownMemory(space, id));
        if (!room.grow((long) JSON_SHARE * memory.sizeBytes())) {
            throw RequestRouter.noRoom();
        }
        return MemoryJson.memory(id, memory, include).toString().getBytes(StandardCharsets.UTF_8);
    }

    static String spaceOf(Context context) {
        String space = context.pathParam("space");
        if (!MemorySpaces.isValid(space)) {
            throw Problem.badRequest("'" + space + "' is no legal memory space; use " + MemorySpaces.RULE)
                    .asException();
        }
        return space;
    }
}
