package io.engram.app.state;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps the heartbeat of the state, and looks whether the brokers are still those of the same cluster. */
public final class ClusterWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterWatch.class);
    private static final long INTERVAL_MS = 3_000;

    private final Admin admin;
    private final StateGuard guard;
    private final String clusterId;
    private final Runnable otherCluster;
    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "engram-cluster-watch");
        thread.setDaemon(true);
        return thread;
    });

    /**
     * Starts to watch.
     *
     * @param otherCluster is run when another cluster answers
     */
    public ClusterWatch(Admin admin, StateGuard guard, String clusterId, Runnable otherCluster) {
        this.admin = admin;
        this.guard = guard;
        this.clusterId = clusterId;
        this.otherCluster = otherCluster;
        executor.scheduleWithFixedDelay(this::look, 0, INTERVAL_MS, TimeUnit.MILLISECONDS);
    }

    private void look() {
        guard.beat();
        try {
            String now = admin.describeCluster().clusterId().get(INTERVAL_MS, TimeUnit.MILLISECONDS);
            if (!clusterId.equals(now)) {
                LOG.error(
                        "Kafka cluster {} answers where {} did before: stopping, so that no state is wiped",
                        now,
                        clusterId);
                executor.shutdown();
                otherCluster.run();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException | RuntimeException e) {
            LOG.debug("Could not ask for the cluster's id; trying again", e);
        }
    }

    @Override
    public void close() {
        executor.shutdownNow();
        guard.beat();
    }
}
