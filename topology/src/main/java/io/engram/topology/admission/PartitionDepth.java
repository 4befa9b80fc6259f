package io.engram.topology.admission;

import java.util.concurrent.atomic.AtomicLong;

/** The depth of one partition of one lane: what Kafka still holds, and what is taken but not indexed. Thread-safe. */
public final class PartitionDepth {
    private static final long UNKNOWN = -1;

    private final AtomicLong position = new AtomicLong(UNKNOWN);
    private final AtomicLong pending = new AtomicLong();
    private volatile long endOffset = UNKNOWN;

    /** The next offset to process is at least this; never moves back, so that any source may report it. */
    public void positionAtLeast(long offset) {
        position.accumulateAndGet(offset, Math::max);
    }

    /** True once a position was reported. */
    public boolean positioned() {
        return position.get() != UNKNOWN;
    }

    /** The next offset to process, -1 while unknown. */
    public long position() {
        return position.get();
    }

    /** The offset after the last readable record. */
    public void endOffset(long offset) {
        endOffset = offset;
    }

    public long endOffset() {
        return endOffset;
    }

    /** A record was taken and waits for the index. */
    public void taken() {
        pending.incrementAndGet();
    }

    /** A record that waited for the index is in it. */
    public void indexed() {
        pending.decrementAndGet();
    }

    /** Records taken, not yet indexed. */
    public long pending() {
        return pending.get();
    }

    /** Records not yet indexed, those in Kafka included. */
    public long depth() {
        long at = position.get();
        long end = endOffset;
        long lag = at == UNKNOWN || end == UNKNOWN ? 0 : Math.max(0, end - at);
        return lag + Math.max(0, pending.get());
    }
}
