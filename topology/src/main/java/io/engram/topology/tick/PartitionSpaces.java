package io.engram.topology.tick;

import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.SpaceMetrics;
import java.util.function.BooleanSupplier;

/**
 * The spaces in use of a partition, as far as their series go. Which of them have series of their own is up to the
 * catalogue, which goes by their traffic; the others share theirs. Belongs to the stream thread.
 */
final class PartitionSpaces {
    private final EngramMetrics catalogue;
    private final int partition;
    private BackpressureLevel level;
    // Some space of the partition had traffic and no series of its own.
    private boolean sharing;

    PartitionSpaces(EngramMetrics catalogue, int partition, BackpressureLevel level) {
        this.catalogue = catalogue;
        this.partition = partition;
        this.level = level;
        catalogue.partitionStarted(partition, level);
    }

    /**
     * The series under which a record of a space counts.
     *
     * @param isInUse asked when the space has none of its own: names that nobody uses get none
     */
    SpaceMetrics of(String space, BooleanSupplier isInUse) {
        SpaceMetrics known = catalogue.knownSpace(space);
        if (known == catalogue.shared() && !isInUse.getAsBoolean()) {
            return known;
        }
        SpaceMetrics metrics = catalogue.seen(space, partition);
        if (metrics == catalogue.shared() && !sharing) {
            sharing = true;
            metrics.level(partition, level);
        }
        return metrics;
    }

    /** A space that was in use is no more. */
    void dropped(String space) {
        catalogue.left(space, partition);
    }

    /** The level of the partition changed; for the spaces that share their series that is one transition. */
    void transition(BackpressureLevel now) {
        level = now;
        catalogue.transition(partition, now);
        if (sharing) {
            catalogue.shared().transition(partition, now);
        }
    }

    /** The partition is processed elsewhere from now on. */
    void close() {
        catalogue.partitionEnded(partition);
        catalogue.shared().forgetLevel(partition);
    }
}
