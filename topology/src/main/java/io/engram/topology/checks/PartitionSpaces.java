package io.engram.topology.checks;

import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.SpaceMetrics;
import java.util.HashMap;
import java.util.Map;

/**
 * The spaces in use of a partition, as far as their series go: each holds its own from its first memory to its drop, and
 * those beyond the cap of the catalogue share theirs. Belongs to the stream thread.
 */
final class PartitionSpaces {
    private final EngramMetrics catalogue;
    private final int partition;
    // No more than the cap.
    private final Map<String, SpaceMetrics> own = new HashMap<>();
    private int sharing;

    PartitionSpaces(EngramMetrics catalogue, int partition) {
        this.catalogue = catalogue;
        this.partition = partition;
    }

    /** A space came into use that was not before. */
    void appeared(String space, BackpressureLevel level) {
        SpaceMetrics metrics = catalogue.acquire(space);
        if (metrics == catalogue.shared()) {
            sharing++;
        } else {
            own.put(space, metrics);
        }
        metrics.level(partition, level);
    }

    /** A space that was in use is no more. */
    void dropped(String space) {
        SpaceMetrics metrics = own.remove(space);
        if (metrics != null) {
            leave(metrics);
            return;
        }
        sharing--;
        if (sharing == 0) {
            catalogue.shared().forgetLevel(partition);
        }
    }

    /** The level of the partition changed; for the spaces that share their series that is one transition. */
    void transition(BackpressureLevel level) {
        own.values().forEach(metrics -> metrics.transition(partition, level));
        if (sharing > 0) {
            catalogue.shared().transition(partition, level);
        }
    }

    private void leave(SpaceMetrics metrics) {
        metrics.forgetLevel(partition);
        catalogue.release(metrics);
    }

    /** The partition is processed elsewhere from now on. */
    void close() {
        own.values().forEach(this::leave);
        own.clear();
        if (sharing > 0) {
            sharing = 0;
            catalogue.shared().forgetLevel(partition);
        }
    }
}
