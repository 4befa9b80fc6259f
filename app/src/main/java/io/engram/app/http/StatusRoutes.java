package io.engram.app.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.query.LocalStores;
import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.Lane;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.indexing.IndexWorkers;
import io.engram.topology.indexing.SpaceIndex;
import io.engram.topology.store.SessionKey;
import io.engram.topology.store.SessionState;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** How the instance is doing: spaces, lanes and levels, sessions, workers, health. */
final class StatusRoutes {
    private static final int MAX_SPACES_LISTED = 10_000;

    private final LocalStores stores;
    private final TopologyRuntime runtime;
    private final Concurrency concurrency;
    private final Supplier<String> servedBy;
    private final BooleanSupplier live;
    private final BooleanSupplier ready;

    StatusRoutes(
            LocalStores stores,
            TopologyRuntime runtime,
            Concurrency concurrency,
            Supplier<String> servedBy,
            BooleanSupplier live,
            BooleanSupplier ready) {
        this.stores = stores;
        this.runtime = runtime;
        this.concurrency = concurrency;
        this.servedBy = servedBy;
        this.live = live;
        this.ready = ready;
    }

    void register(RoutesConfig routes) {
        routes.get("/livez", context -> health(context, live, "the streams have failed"));
        routes.get(
                "/readyz",
                context -> health(context, ready, "not all partitions of this instance can be recalled from yet"));
        routes.get("/v1/spaces", concurrency.limit(this::spaces));
        routes.get("/v1/backpressure", concurrency.limit(this::backpressure));
        routes.get("/v1/sessions/{space}/{lane}/{session}", concurrency.limit(this::session));
        routes.get("/v1/cluster", concurrency.limit(this::cluster));
    }

    private static void health(Context context, BooleanSupplier healthy, String otherwise) {
        if (!healthy.getAsBoolean()) {
            throw Problem.retryLater(503, "Service Unavailable", otherwise, 1_000)
                    .asException();
        }
        context.contentType("text/plain").result("ok\n");
    }

    private record SpaceStatus(String space, int partition, int dimension, int count, long generation) {}

    private void spaces(Context context) {
        Map<Integer, List<SpaceStatus>> byPartition = stores.askAll(view -> view.spaces().stream()
                .limit(MAX_SPACES_LISTED)
                .map(space -> new SpaceStatus(
                        space,
                        view.partition(),
                        view.space(space).dimension(),
                        view.index().find(space).map(SpaceIndex::size).orElse(0),
                        view.index().newestGeneration()))
                .toList());
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        ArrayNode spaces = answer.putArray("spaces");
        byPartition.values().stream()
                .flatMap(List::stream)
                .sorted(Comparator.comparing(SpaceStatus::space))
                .forEach(status -> spaces.addObject()
                        .put("space", status.space())
                        .put("count", status.count())
                        .put("dimension", status.dimension())
                        .put("generation", status.generation())
                        .put("partition", status.partition()));
        ApiServer.json(context, 200, answer);
    }

    private void backpressure(Context context) {
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
                                    / runtime.config().partitions());
        }
        ObjectNode partitions = answer.putObject("partitions");
        statuses.forEach(
                (partition, status) -> partitions.set(partition.toString(), JsonBody.MAPPER.valueToTree(status)));
        ApiServer.json(context, 200, answer);
    }

    private void session(Context context) {
        String space = RecallRoutes.spaceOf(context);
        Lane lane = Lane.ofLabel(context.pathParam("lane"))
                .orElseThrow(() -> Problem.badRequest(
                                "lane must be high, normal or low, got '" + context.pathParam("lane") + "'")
                        .asException());
        String name = context.pathParam("session");
        SessionKey key = new SessionKey(space, lane, name);
        Optional<SessionState> state = stores.ask(space, view -> view.session(key));
        SessionState session = state.orElseThrow(() -> Problem.of(
                        404, "Not Found", "space '" + space + "' has no session '" + name + "' on lane " + lane.label())
                .asException());
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        // What is not active any more is indexed to its end.
        answer.put(
                "acknowledged_sequence",
                runtime.sessions().acknowledged(key).orElse(runtime.sessions().isActive(key) ? 0 : session.next() - 1));
        answer.put("expected_sequence", session.isClosed() ? 1 : session.next());
        answer.set("open_ranges", JsonBody.MAPPER.valueToTree(session.open().toList()));
        answer.put("state", session.isClosed() ? "closed" : "open");
        answer.put("last_activity_at", session.lastActivityMs());
        stores.ask(space, view -> Optional.ofNullable(view.lanes().get(lane)))
                .ifPresent(progress -> answer.putObject("indexed_offsets")
                        .put(lane.label() + "-" + stores.partitionOf(space), progress.indexedOffset()));
        ApiServer.json(context, 200, answer);
    }

    private void cluster(Context context) {
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        ObjectNode instance = answer.putArray("instances").addObject();
        instance.put("url", servedBy.get()).put("ready", ready.getAsBoolean());
        ArrayNode partitions = instance.putArray("partitions");
        stores.askAll(view -> {
                    ObjectNode partition = JsonBody.MAPPER.createObjectNode();
                    partition.put("partition", view.partition()).put("role", "active");
                    ObjectNode lag = partition.putObject("lag");
                    view.lanes()
                            .forEach((lane, progress) ->
                                    lag.put(lane.label(), progress.depth().depth()));
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
        ApiServer.json(context, 200, answer);
    }
}
