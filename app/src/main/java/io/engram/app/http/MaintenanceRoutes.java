package io.engram.app.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.state.PartitionReport;
import io.engram.app.state.StateVerifier;
import io.engram.topology.follow.IndexCommits;
import io.engram.topology.follow.SnapshotException;
import io.engram.topology.follow.Snapshots;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeoutException;

/** What operators ask of this instance alone: a snapshot now, a comparison of its state. One at a time. */
final class MaintenanceRoutes {
    private static final long RETRY_AFTER_MS = 5_000;

    private final Snapshots snapshots;
    private final StateVerifier verifier;
    private final Answers answers;
    private final Semaphore one = new Semaphore(1);

    MaintenanceRoutes(Snapshots snapshots, StateVerifier verifier, Answers answers) {
        this.snapshots = snapshots;
        this.verifier = verifier;
        this.answers = answers;
    }

    void register(RoutesConfig routes) {
        routes.post("/v1/snapshot", alone(this::snapshot));
        routes.post("/v1/verify", alone(this::verify, "rebuild"));
    }

    private Handler alone(Handler handler, String... parameters) {
        return context -> {
            Query.allowOnly(context, parameters);
            if (!one.tryAcquire()) {
                throw Problem.retryLater(
                                429, "Too Many Requests", "another snapshot or comparison is running", RETRY_AFTER_MS)
                        .asException();
            }
            try {
                handler.handle(context);
            } finally {
                one.release();
            }
        };
    }

    private void snapshot(Context context) throws InterruptedException {
        long start = System.nanoTime();
        IndexCommits.Saved saved;
        try {
            saved = snapshots.saveNow();
        } catch (SnapshotException e) {
            throw Problem.of(500, "Internal Server Error", e.getMessage()).asException();
        } catch (TimeoutException e) {
            throw Problem.of(504, "Gateway Timeout", "saving takes longer than five minutes; it goes on")
                    .asException();
        }
        answers.json(
                context,
                200,
                JsonBody.MAPPER
                        .createObjectNode()
                        .put("spaces", saved.spaces())
                        .put("memories", saved.memories())
                        .put("bytes", saved.bytes())
                        .put("took_ms", (System.nanoTime() - start) / 1_000_000));
    }

    private void verify(Context context) throws InterruptedException {
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        ArrayNode partitions = answer.putArray("partitions");
        boolean consistent = true;
        for (PartitionReport report : verifier.verify(Query.flag(context, "rebuild"))) {
            partitions.add(JsonBody.MAPPER.<ObjectNode>valueToTree(report));
            consistent &= report.isConsistent();
        }
        answer.put("consistent", consistent);
        answers.json(context, 200, answer);
    }
}
