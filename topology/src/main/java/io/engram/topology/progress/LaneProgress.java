package io.engram.topology.progress;

import io.engram.schemas.Lane;
import io.engram.topology.admission.DrainRate;
import io.engram.topology.admission.PartitionDepth;
import java.util.OptionalLong;

/**
 * One partition of one lane as its records move from the stream thread to the index. Thread-safe.
 *
 * @param offsets how far it is worked off
 * @param depth what is left
 * @param rate of the lane on this instance
 * @param startedAfter the last source offset that the store had processed when this began; -1 for none
 */
public record LaneProgress(Lane lane, OffsetTracker offsets, PartitionDepth depth, DrainRate rate, long startedAfter) {
    /** Every record up to this source offset is recallable or rejected; -1 while nothing is known. */
    public long indexedOffset() {
        // Read before the watermark: the position of a record that is taken in between says nothing of the index.
        long position = depth.position();
        OptionalLong watermark = offsets.watermark();
        // Before the first record of this run, everything before the start position is in.
        return watermark.orElse(Math.max(position, 0) - 1);
    }

    /** A record was taken and waits for the index. */
    public void begin(long offset) {
        depth.taken();
        offsets.begin(offset);
        moved();
    }

    /** A record was dealt with and leaves nothing to index. */
    public void pass(long offset) {
        offsets.pass(offset);
        moved();
        rate.count(1);
    }

    /**
     * The consumer read up to {@code next}: what lies between its records are markers and aborted records, which nobody
     * will ever process.
     *
     * @param lastRecord offset of the last record that came with this; empty when only the position moved
     */
    public void fetched(OptionalLong lastRecord, long next) {
        offsets.fetched(lastRecord, next);
        moved();
    }

    private void moved() {
        offsets.position().ifPresent(depth::positionAtLeast);
    }

    /** A record that waited is recallable. */
    public void done(long offset) {
        offsets.done(offset);
        depth.indexed();
        rate.count(1);
    }
}
