package io.engram.app.state;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the heartbeat of the state while the brokers answer: deletions reach the state only then. Asking them also makes a
 * client meet the cluster, whichever it is.
 */
public final class ClusterWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterWatch.class);
    private static final long INTERVAL_MS = 3_000;

    private final Admin admin;
    private final StateGuard guard;
    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "engram-cluster-watch");
        thread.setDaemon(true);
        return thread;
    });

    /** Starts to watch. */
    public ClusterWatch(Admin admin, StateGuard guard) {
        this.admin = admin;
        this.guard = guard;
        executor.scheduleWithFixedDelay(this::look, 0, INTERVAL_MS, TimeUnit.MILLISECONDS);
    }

    private void look() {
        try {
            guard.met(admin.describeCluster().clusterId().get(INTERVAL_MS, TimeUnit.MILLISECONDS));
            guard.beat();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException | RuntimeException e) {
            LOG.debug("Could not ask for the cluster's id; trying again", e);
        }
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }
}
