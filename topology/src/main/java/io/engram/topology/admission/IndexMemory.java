package io.engram.topology.admission;

import java.util.function.LongSupplier;

/**
 * How much of its budget the index memory of this process takes. Full at the limit, and until it is clearly below it, so
 * that an instance does not hop in and out of shedding. Thread-safe.
 */
public final class IndexMemory {
    private static final double FREE_AGAIN = 0.95;

    private final LongSupplier used;
    private final long limit;
    private volatile boolean full;

    /**
     * @param used bytes; cheap to ask
     * @param limit bytes, 1 or more
     */
    public IndexMemory(LongSupplier used, long limit) {
        if (limit < 1) {
            throw new IllegalArgumentException("limit < 1: " + limit);
        }
        this.used = used;
        this.limit = limit;
    }

    /** Bytes in use. */
    public long used() {
        return used.getAsLong();
    }

    /** Bytes that may be in use. */
    public long limit() {
        return limit;
    }

    /** True when nothing more should be taken in. */
    public boolean isFull() {
        long now = used.getAsLong();
        full = full ? now >= limit * FREE_AGAIN : now >= limit;
        return full;
    }
}
