package io.engram.topology.indexing;

import io.engram.schemas.Lane;
import io.engram.topology.admission.DrainRate;
import io.engram.topology.admission.PartitionDepth;

/**
 * One partition of one lane as its records move from the stream thread to the index. Thread-safe.
 *
 * @param offsets how far it is worked off
 * @param depth what is left
 * @param rate of the lane on this instance
 */
public record LaneProgress(Lane lane, OffsetTracker offsets, PartitionDepth depth, DrainRate rate) {
    /** Every record up to this source offset is recallable or rejected; -1 while nothing is known. */
    public long indexedOffset() {
        long watermark = offsets.watermark();
        // Before the first record of this run, everything before the start position is in.
        return watermark == OffsetTracker.NONE ? Math.max(depth.position(), 0) - 1 : watermark;
    }

    /** A record was taken and waits for the index. */
    public void begin(long offset) {
        offsets.begin(offset);
        depth.positionAtLeast(offset + 1);
        depth.taken();
    }

    /** A record was dealt with and leaves nothing to index. */
    public void pass(long offset) {
        offsets.pass(offset);
        depth.positionAtLeast(offset + 1);
        rate.count(1);
    }

    /** A record that waited is recallable. */
    public void done(long offset) {
        offsets.done(offset);
        depth.indexed();
        rate.count(1);
    }
}
