package io.engram.app.lifecycle;

import java.util.function.LongSupplier;

/**
 * Whether to go on warming up: until the way is quick, for so many requests, or for so long, whatever comes first. Not
 * thread-safe.
 */
final class Warmth {
    /** So many of the latest requests tell whether the way is quick. */
    static final int LATEST = 200;

    /** All of the latest but so many have to be quick: a pause of the machine is not this process's. */
    static final int SLOW_ONES = 2;

    private final int maxRequests;
    private final long quickNanos;
    private final long deadlineNanos;
    private final LongSupplier nanoTime;
    // A ring: where a request was slow, of the latest ones.
    private final boolean[] slow = new boolean[LATEST];
    private int slowOnes;
    private int requests;

    /**
     * @param maxRequests at most so many
     * @param deadlineNanos no longer than this, on the same clock
     * @param quickNanos what a request may take that is quick
     * @param nanoTime as {@link System#nanoTime}
     */
    Warmth(int maxRequests, long deadlineNanos, long quickNanos, LongSupplier nanoTime) {
        this.maxRequests = maxRequests;
        this.deadlineNanos = deadlineNanos;
        this.quickNanos = quickNanos;
        this.nanoTime = nanoTime;
    }

    /** A request took so long. */
    void answered(long nanos) {
        int at = requests++ % LATEST;
        slowOnes += (nanos > quickNanos ? 1 : 0) - (slow[at] ? 1 : 0);
        slow[at] = nanos > quickNanos;
    }

    /** Requests so far. */
    int requests() {
        return requests;
    }

    /** True once the latest requests were quick. */
    boolean isQuick() {
        return requests >= LATEST && slowOnes <= SLOW_ONES;
    }

    /** True when another request is to be made. */
    boolean goesOn() {
        return !isQuick() && requests < maxRequests && nanoTime.getAsLong() - deadlineNanos < 0;
    }
}
