package io.engram.app.query;

import io.engram.topology.EngramTopology;
import io.engram.topology.store.MemoryView;
import io.engram.topology.supervision.Supervisor;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.streams.LagInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Measures how far the standbys of this instance are behind their changelogs, and so whether they may answer recall. A
 * task that is being restored is measured only once it was a standby close behind: then it still has all that it had.
 */
public final class StandbyLags implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StandbyLags.class);

    private final LocalStores stores;
    private final long maxLag;
    private final Supervisor.Supervised measuring;

    /**
     * @param maxLag records of a changelog that a standby may be behind and still answer
     * @param intervalMs between two looks, milliseconds
     * @param supervisor of the thread
     */
    public StandbyLags(LocalStores stores, long maxLag, long intervalMs, Supervisor supervisor) {
        this.stores = stores;
        this.maxLag = maxLag;
        measuring = supervisor.every("engram-standby-lags", intervalMs, intervalMs, this::measure);
    }

    private void measure() {
        try {
            Set<Integer> standbys = stores.standbys();
            stores.askEach(view -> view.isWarm() ? standbys.add(view.partition()) : false);
            if (standbys.isEmpty()) {
                return;
            }
            Map<String, Map<Integer, LagInfo>> lags = stores.changelogLags();
            stores.askEach(view -> {
                if (standbys.contains(view.partition())) {
                    Optional<MemoryView.Reached> memories = reached(lags, EngramTopology.STORE, view.partition());
                    Optional<MemoryView.Reached> sessions = reached(lags, EngramTopology.SESSIONS, view.partition());
                    if (memories.isPresent() && sessions.isPresent()) {
                        view.standbyAt(memories.get(), sessions.get(), maxLag);
                    }
                }
                return true;
            });
        } catch (RuntimeException e) {
            LOG.debug("Could not measure the lag of standbys; trying again", e);
        }
    }

    private static Optional<MemoryView.Reached> reached(
            Map<String, Map<Integer, LagInfo>> lags, String store, int partition) {
        return Optional.ofNullable(lags.getOrDefault(store, Map.of()).get(partition))
                .map(lag -> new MemoryView.Reached(lag.currentOffsetPosition(), lag.endOffsetPosition()));
    }

    @Override
    public void close() {
        measuring.close();
    }
}
