package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.query.LocalStores;
import io.engram.app.query.Peers;
import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.Lane;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.store.MemoryView;
import io.engram.topology.workers.IndexWorkers;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Supplier;

/** How the instance is doing: settings of spaces, lanes and levels, sessions, workers, health. */
final class StatusRoutes {
    private static final int MAX_REJECTIONS_LISTED = 100;
    private static final long ROUTED_MS = 2_000;

    private final LocalStores stores;
    private final TopologyRuntime runtime;
    private final RequestRouter router;
    private final Concurrency concurrency;
    private final Answers answers;
    private final Supplier<String> servedBy;
    private final Probes probes;

    StatusRoutes(
            LocalStores stores,
            TopologyRuntime runtime,
            RequestRouter router,
            Concurrency concurrency,
            Answers answers,
            Supplier<String> servedBy,
            Probes probes) {
        this.stores = stores;
        this.runtime = runtime;
        this.router = router;
        this.concurrency = concurrency;
        this.answers = answers;
        this.servedBy = servedBy;
        this.probes = probes;
    }

    void register(RoutesConfig routes) {
        routes.get("/livez", context -> health(context, probes.trouble().get(), List.of()));
        routes.get(
                "/readyz",
                context -> health(
                        context,
                        probes.trouble().get().or(this::unready),
                        probes.notices().get()));
        routes.get(
                "/openapi.json",
                context -> context.contentType("application/json")
                        .result(StatusRoutes.class.getResourceAsStream("openapi.json")));
        routes.get("/v1/backpressure", concurrency.limit(this::backpressure));
        routes.get("/v1/sessions/{space}/{lane}/{session}", concurrency.limit(this::session));
        routes.get("/v1/rejections", concurrency.limit(this::rejections));
        routes.get("/v1/cluster", concurrency.limit(this::cluster));
        routes.get("/v1/spaces/{space}/settings", concurrency.limit(this::settings));
    }

    /** Why the instance is not ready, if it is not. */
    private Optional<String> unready() {
        if (probes.ready().getAsBoolean()) {
            return Optional.empty();
        }
        List<String> notices = probes.notices().get();
        return Optional.of(
                notices.isEmpty()
                        ? "not all partitions of this instance can be recalled from yet"
                        : String.join("; ", notices));
    }

    private static void health(Context context, Optional<String> trouble, List<String> notices) {
        if (trouble.isPresent()) {
            throw Problem.of(503, "Service Unavailable", trouble.get()).asException();
        }
        StringBuilder text = new StringBuilder("ok\n");
        notices.forEach(notice -> text.append("note: ").append(notice).append('\n'));
        context.contentType("text/plain").result(text.toString());
    }

    private void settings(Context context) throws InterruptedException {
        String space = RecallRoutes.spaceOf(context);
        answers.json(
                context,
                200,
                router.route(
                                router.isHop(context),
                                space,
                                RequestRouter.Budget.of(ROUTED_MS, false),
                                () -> stores.find(space, view -> settings(space, view))
                                        .orElseThrow(() -> ApiServer.unknownSpace(space)),
                                Peers.Call.get("/v1/spaces/" + space + "/settings"))
                        .answer());
    }

    /** Empty when nothing is known of the space. */
    private static Optional<ObjectNode> settings(String space, MemoryView view) {
        SpaceRecord record = view.space(space);
        if (!record.exists() && !record.hasRetention()) {
            return Optional.empty();
        }
        ObjectNode answer = JsonBody.MAPPER.createObjectNode().put("space", space);
        answer.set("dimension", record.exists() ? IntNode.valueOf(record.dimension()) : NullNode.instance);
        answer.set("ttl_ms", number(record.ttlMs()));
        answer.set("max_memories", number(record.maxMemories()));
        answer.putObject("effective")
                .put("ttl_ms", view.retention(record).ttlMs())
                .put("max_memories", view.retention(record).maxMemories());
        return Optional.of(answer);
    }

    private static JsonNode number(OptionalLong value) {
        return value.isPresent() ? LongNode.valueOf(value.getAsLong()) : NullNode.instance;
    }

    private void backpressure(Context context) throws InterruptedException {
        ObjectNode here = backpressureHere();
        if (!router.isHop(context)) {
            for (ObjectNode other : router.askOthers("/v1/backpressure")) {
                merge(here, other);
            }
        }
        answers.json(context, 200, here);
    }

    /** Adds what another instance holds of the lanes: depths and capacities add up, the worst level counts. */
    private static void merge(ObjectNode here, ObjectNode other) {
        here.put("level", worse(here, other));
        for (int i = 0; i < here.path("lanes").size(); i++) {
            ObjectNode lane = (ObjectNode) here.path("lanes").get(i);
            JsonNode more = other.path("lanes").path(i);
            lane.put("level", worse(lane, more));
            lane.put("depth", lane.path("depth").asLong() + more.path("depth").asLong());
            lane.put(
                    "capacity",
                    lane.path("capacity").asLong() + more.path("capacity").asLong());
            lane.put(
                    "blocked",
                    lane.path("blocked").asLong() + more.path("blocked").asLong());
            lane.put(
                    "stalled_ms",
                    Math.max(
                            lane.path("stalled_ms").asLong(),
                            more.path("stalled_ms").asLong()));
        }
        other.path("partitions")
                .properties()
                .forEach(entry -> ((ObjectNode) here.path("partitions")).set(entry.getKey(), entry.getValue()));
    }

    private static String worse(JsonNode a, JsonNode b) {
        return level(a).or(level(b)).label();
    }

    private static BackpressureLevel level(JsonNode node) {
        return BackpressureLevel.ofLabel(node.path("level").asText()).orElse(BackpressureLevel.NORMAL);
    }

    private ObjectNode backpressureHere() {
        Map<LanePartition, BackpressureStatus> statuses =
                new TreeMap<>(Comparator.comparing(LanePartition::lane).thenComparing(LanePartition::partition));
        statuses.putAll(runtime.board().statuses());
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        answer.put("level", runtime.board().worstLevel().label());
        ArrayNode lanes = answer.putArray("lanes");
        for (Lane lane : Lane.ALL) {
            BackpressureLevel worst = BackpressureLevel.NORMAL;
            for (Map.Entry<LanePartition, BackpressureStatus> entry : statuses.entrySet()) {
                if (entry.getKey().lane() == lane) {
                    worst = worst.or(
                            BackpressureLevel.ofLabel(entry.getValue().level()).orElseThrow());
                }
            }
            lanes.addObject()
                    .put("lane", lane.label())
                    .put("level", worst.label())
                    .put("depth", runtime.depths().depth(lane))
                    .put(
                            "capacity",
                            runtime.config().admission().capacity(lane)
                                    * runtime.depths().assignedPartitions(lane)
                                    / runtime.config().partitions())
                    .put("blocked", runtime.depths().blocked(lane))
                    .put("stalled_ms", runtime.depths().stalledMs(lane));
        }
        ObjectNode partitions = answer.putObject("partitions");
        statuses.forEach((partition, status) -> {
            ObjectNode own = JsonBody.MAPPER.valueToTree(status);
            runtime.depths()
                    .of(partition)
                    .ifPresent(depth -> own.put("blocked", depth.blocked()).put("stalled_ms", depth.stalledMs()));
            partitions.set(partition.toString(), own);
        });
        return answer;
    }

    static Lane laneOf(Context context) {
        return Lane.ofLabel(context.pathParam("lane"))
                .orElseThrow(() -> Problem.badRequest(
                                "lane must be high, normal or low, got '" + context.pathParam("lane") + "'")
                        .asException());
    }

    private void session(Context context) throws InterruptedException {
        String space = RecallRoutes.spaceOf(context);
        SessionKey key = new SessionKey(space, laneOf(context), context.pathParam("session"));
        String path = "/v1/sessions/" + space + "/" + key.lane().label() + "/" + Peers.segment(key.session());
        answers.json(
                context,
                200,
                router.route(
                                router.isHop(context),
                                space,
                                RequestRouter.Budget.of(ROUTED_MS, false),
                                // A standby knows what is stored, not what is acknowledged.
                                () -> stores.askActive(space, view -> session(key, view)),
                                Peers.Call.get(path))
                        .answer());
    }

    private ObjectNode session(SessionKey key, MemoryView view) {
        Lane lane = key.lane();
        SessionState session = view.sessions()
                .session(key)
                .orElseThrow(() -> Problem.of(
                                404,
                                "Not Found",
                                "space '" + key.space() + "' has no session '" + key.session() + "' on lane "
                                        + lane.label())
                        .asException());
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        // Asked after the state: of what is not owed everything is acknowledged that was stored before.
        answer.put("acknowledged_sequence", view.owed().acknowledged(key).orElse(session.next() - 1));
        answer.put("expected_sequence", session.isClosed() ? 1 : session.next());
        answer.set("open_ranges", JsonBody.MAPPER.valueToTree(session.open().toList()));
        answer.put("state", session.isClosed() ? "closed" : "open");
        answer.put("last_activity_at", session.lastActivityMs());
        Optional.ofNullable(view.lanes().get(lane)) // gone when the partition is being handed over
                .map(LaneProgress::indexedOffset)
                .ifPresent(indexed ->
                        answer.putObject("indexed_offsets").put(lane.label() + "-" + view.partition(), indexed));
        return answer;
    }

    private void rejections(Context context) throws InterruptedException {
        List<ObjectNode> refused = new ArrayList<>(rejectionsHere());
        if (!router.isHop(context)) {
            for (ObjectNode other : router.askOthers("/v1/rejections")) {
                other.path("rejections").forEach(item -> refused.add((ObjectNode) item));
            }
            refused.sort(Comparator.comparingLong(item -> -item.path("last_at").asLong()));
        }
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        ArrayNode rejections = answer.putArray("rejections");
        refused.stream().limit(MAX_REJECTIONS_LISTED).forEach(rejections::add);
        answers.json(context, 200, answer);
    }

    private List<ObjectNode> rejectionsHere() {
        String url = servedBy.get();
        return runtime.refusals().latest().stream()
                .map(refusal -> JsonBody.MAPPER
                        .createObjectNode()
                        .put("space", refusal.space())
                        .put("reason", refusal.reason().label())
                        .put("count", refusal.count())
                        .put("last_detail", refusal.detail())
                        .put("last_at", refusal.atMs())
                        .put("instance", url))
                .toList();
    }

    private void cluster(Context context) throws InterruptedException {
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        ArrayNode instances = answer.putArray("instances");
        instances.add(instanceHere());
        if (!router.isHop(context)) {
            for (ObjectNode other : router.askOthers("/v1/cluster")) {
                other.path("instances").forEach(instances::add);
            }
        }
        answers.json(context, 200, answer);
    }

    private ObjectNode instanceHere() {
        ObjectNode instance = JsonBody.MAPPER.createObjectNode();
        instance.put("url", servedBy.get()).put("ready", probes.ready().getAsBoolean());
        ArrayNode partitions = instance.putArray("partitions");
        stores.askEach(view -> {
                    ObjectNode partition = JsonBody.MAPPER.createObjectNode();
                    partition
                            .put("partition", view.partition())
                            .put("role", view.role().label());
                    ObjectNode lag = partition.putObject("lag");
                    view.lanes()
                            .forEach((lane, progress) ->
                                    lag.put(lane.label(), progress.depth().depth()));
                    if (view.lanes().isEmpty()) {
                        lag.put("changelog", view.standbyLag());
                    }
                    return partition;
                })
                .values()
                .forEach(partitions::add);
        ArrayNode workers = instance.putArray("workers");
        for (IndexWorkers.WorkerStatus worker : runtime.workers().status()) {
            workers.addObject()
                    .put("worker_id", worker.workerId())
                    .put("queued", worker.queued())
                    .put("utilization", Math.round(worker.utilization() * 10) / 10.0);
        }
        return instance;
    }
}
