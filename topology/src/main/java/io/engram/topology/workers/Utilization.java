package io.engram.topology.workers;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The share of the last ten seconds in which a worker was busy, in slices of one second. {@link #busy} and {@link #idle}
 * belong to the worker; {@link #percent} may be read from any thread.
 */
final class Utilization {
    private static final int SLICES = 10;
    private static final long SLICE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final LongSupplier nanoTime;
    private final long[] busyNanos = new long[SLICES + 1];
    private final long startedAt;
    private long currentSlice;
    private long busySince;
    private boolean isBusy;

    Utilization(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.startedAt = nanoTime.getAsLong();
    }

    synchronized void busy() {
        account();
        isBusy = true;
    }

    synchronized void idle() {
        account();
        isBusy = false;
    }

    /** 0 to 100. */
    synchronized double percent() {
        long elapsed = account();
        long window = Math.min(elapsed, SLICES * SLICE_NANOS + elapsed % SLICE_NANOS);
        long busy = 0;
        for (long nanos : busyNanos) {
            busy += nanos;
        }
        return window <= 0 ? 0 : Math.min(100, 100.0 * busy / window);
    }

    /** Adds the busy time since the last call to its slices, clearing those that the window has left. */
    private long account() {
        long now = nanoTime.getAsLong() - startedAt;
        long slice = now / SLICE_NANOS;
        long from = busySince;
        while (currentSlice < slice) {
            long sliceEnd = (currentSlice + 1) * SLICE_NANOS;
            if (isBusy) {
                busyNanos[(int) (currentSlice % busyNanos.length)] +=
                        sliceEnd - Math.max(from, currentSlice * SLICE_NANOS);
            }
            currentSlice++;
            busyNanos[(int) (currentSlice % busyNanos.length)] = 0;
            from = sliceEnd;
        }
        if (isBusy) {
            busyNanos[(int) (slice % busyNanos.length)] += now - from;
        }
        busySince = now;
        return now;
    }
}
