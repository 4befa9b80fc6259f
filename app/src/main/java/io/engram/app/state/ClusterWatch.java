package io.engram.app.state;

import io.engram.topology.progress.BrokerClock;
import io.engram.topology.supervision.Supervisor;
import java.util.concurrent.ExecutionException;
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
    private final BrokerClock brokerClock;
    private final Supervisor.Supervised watching;

    /** Starts to watch, on a thread of the supervisor. */
    public ClusterWatch(Admin admin, StateGuard guard, BrokerClock brokerClock, Supervisor supervisor) {
        this.admin = admin;
        this.guard = guard;
        this.brokerClock = brokerClock;
        watching = supervisor.every("engram-cluster-watch", 0, INTERVAL_MS, this::look);
    }

    private void look() {
        try {
            guard.met(admin.describeCluster().clusterId().get(INTERVAL_MS, TimeUnit.MILLISECONDS));
            // A heartbeat in a time that is not the broker's could make old state look fresh.
            brokerClock.nowMs().ifPresent(guard::beat);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException | RuntimeException e) {
            LOG.debug("Could not ask for the cluster's id; trying again", e);
        }
    }

    @Override
    public void close() {
        watching.close();
    }
}
