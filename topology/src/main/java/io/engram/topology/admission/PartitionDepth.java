package io.engram.topology.admission;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The depth of one partition of one lane: what Kafka still holds, and what is taken but not indexed. What lies behind an
 * open transaction cannot be processed and is counted apart.
 *
 * <pre>
 * log start ..... position ............ stable end ............... end
 *                 |——— Kafka lag ———|   |——— blocked ———|
 *      pending
 * depth = Kafka lag + pending
 * </pre>
 *
 * Thread-safe.
 */
public final class PartitionDepth {
    private static final long UNKNOWN = -1;

    private final AtomicLong position = new AtomicLong(UNKNOWN);
    private final AtomicLong pending = new AtomicLong();
    private volatile Ends ends = new Ends(UNKNOWN, UNKNOWN, 0, 0);

    /** How far the partition reaches, and since when its stable end stands still before its end. */
    private record Ends(long stable, long end, long lookedAtMs, long standsSinceMs) {
        boolean blocked() {
            return end > stable;
        }
    }

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

    /**
     * What the broker says; called by one thread.
     *
     * @param stable the offset after the last record that can be processed (the last stable offset)
     * @param end the offset after the last record, those of open transactions included (the high watermark)
     * @param nowMs of a clock that never goes back
     */
    public void ends(long stable, long end, long nowMs) {
        Ends before = ends;
        boolean stands = before.blocked() && end > stable && before.stable() == stable;
        ends = new Ends(stable, Math.max(stable, end), nowMs, stands ? before.standsSinceMs() : nowMs);
    }

    /** True once it was said how far the partition reaches. */
    public boolean measured() {
        return ends.stable() != UNKNOWN;
    }

    /** Offsets that an open transaction keeps from being processed, its own included; 0 when there is none. */
    public long blocked() {
        Ends now = ends;
        return now.blocked() ? now.end() - now.stable() : 0;
    }

    /** Milliseconds for which one open transaction has been holding up what lies behind it; 0 when nothing is held up. */
    public long stalledMs() {
        Ends now = ends;
        return now.blocked() ? now.lookedAtMs() - now.standsSinceMs() : 0;
    }

    /** True when everything that was written, as of the last look, is processed and indexed. */
    public boolean isDrained() {
        Ends now = ends;
        return positioned() && measured() && position.get() >= now.end() && pending.get() <= 0;
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

    /** Records that can be processed and are not yet indexed, those in Kafka included. */
    public long depth() {
        long at = position.get();
        long end = ends.stable();
        long lag = at == UNKNOWN || end == UNKNOWN ? 0 : Math.max(0, end - at);
        return lag + Math.max(0, pending.get());
    }
}
