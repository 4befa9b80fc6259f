package io.engram.topology.progress;

import io.engram.schemas.Lane;
import io.engram.topology.admission.LaneDepths.LanePartition;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Partitions of lanes that are read from before what their store has processed: the group's offsets were set back, or the
 * topic was made again. Thread-safe.
 */
public final class ReadAgain {
    private static final Logger LOG = LoggerFactory.getLogger(ReadAgain.class);
    private static final long SHOWN_MS = 3_600_000;

    /**
     * Where a partition is read again.
     *
     * @param offset from where
     * @param processed the last offset that the store had processed
     * @param atMs epoch milliseconds
     */
    public record Found(LanePartition partition, long offset, long processed, long atMs) {}

    private final LongSupplier clock;
    private final Map<LanePartition, Found> found = new LinkedHashMap<>();

    /**
     * @param clock epoch milliseconds
     */
    public ReadAgain(LongSupplier clock) {
        this.clock = clock;
    }

    /**
     * A partition is read again.
     *
     * @param offset from where
     * @param processed up to where its store has processed it
     */
    public void note(Lane lane, int partition, long offset, long processed) {
        LOG.error(
                "Partition {} of lane {} is read from offset {}, although its memories know what came up to offset {}: the"
                        + " group's offsets were set back, or the topic was made again. What was processed before"
                        + " is recognised by its session while that is known, and without one by its memory",
                partition,
                lane.label(),
                offset,
                processed);
        LanePartition at = new LanePartition(lane, partition);
        synchronized (this) {
            found.put(at, new Found(at, offset, processed, clock.getAsLong()));
        }
    }

    /** What was found within the last hour. */
    public synchronized List<Found> recent() {
        long since = clock.getAsLong() - SHOWN_MS;
        found.values().removeIf(entry -> entry.atMs() < since);
        return new ArrayList<>(found.values());
    }
}
