package io.engram.topology.progress;

import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The broker's time: what decides whether a memory is too old. The clock of this machine may be wrong by an hour, and what
 * was deleted does not come back.
 *
 * <pre>
 * append times seen   ──●────●──────────●┄┄┄┄┄┄┄┄┄ carried on by the monotonic clock ┄┄┄┄→  known for 60 s, then unknown
 * </pre>
 *
 * A record was appended before it was seen, so {@link #nowMs} is never ahead of the broker that appended it; while only
 * old records are read it may be far behind. A heartbeat, appended just now, makes it exact. Of brokers whose clocks differ
 * the one that is ahead counts. Thread-safe.
 */
public final class BrokerClock {
    /** Without an append time for this long the broker's time is unknown, milliseconds. */
    public static final long MAX_AGE_MS = 60_000;

    /** What a prompt heartbeat may take to be answered, and clocks of brokers may differ by without harm, milliseconds. */
    static final long TOLERANCE_MS = 5_000;

    private final LongSupplier nanoTime;
    // The broker's time when the monotonic clock stood at 0, as the latest evidence has it.
    private long offsetMs;
    private long seenAtNanos;
    private boolean seen;
    private long heardAtNanos;
    private long skewMs;
    private boolean heard;

    /**
     * @param nanoTime as {@link System#nanoTime}
     */
    public BrokerClock(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /**
     * A broker appended a record at that time by its own clock, just now or long ago.
     *
     * @param appendedAtMs epoch ms; a time before 1970 is none
     */
    public synchronized void appended(long appendedAtMs) {
        if (appendedAtMs < 0) {
            return;
        }
        seenAtNanos = nanoTime.getAsLong();
        long offset = appendedAtMs - TimeUnit.NANOSECONDS.toMillis(seenAtNanos);
        offsetMs = seen ? Math.max(offsetMs, offset) : offset;
        seen = true;
    }

    /**
     * A broker appended a heartbeat at that time by its own clock.
     *
     * @param appendedAtMs epoch ms
     * @param sentAtMs when it was sent by this machine's clock, epoch ms
     * @param roundTripMs from then to the broker's answer; after a long one the time is a lower bound only
     */
    public synchronized void heard(long appendedAtMs, long sentAtMs, long roundTripMs) {
        appended(appendedAtMs);
        if (appendedAtMs >= 0 && roundTripMs < TOLERANCE_MS) {
            heardAtNanos = seenAtNanos;
            // It was appended between sending and answer.
            skewMs = sentAtMs + roundTripMs / 2 - appendedAtMs;
            heard = true;
        }
    }

    /** The broker's time, or an earlier one, epoch ms; empty while no broker has told it for {@value #MAX_AGE_MS} ms. */
    public synchronized OptionalLong nowMs() {
        return at(seen, seenAtNanos, 0);
    }

    /**
     * Nothing was appended after this time, epoch ms: whatever says so has it from a clock that was ahead. Empty while no
     * heartbeat came through for {@value #MAX_AGE_MS} ms.
     */
    public synchronized OptionalLong latestMs() {
        return at(heard, heardAtNanos, TOLERANCE_MS);
    }

    /** How far this machine's clock is ahead of the broker's, milliseconds; empty as {@link #latestMs}. */
    public synchronized OptionalLong skewMs() {
        return latestMs().isPresent() ? OptionalLong.of(skewMs) : OptionalLong.empty();
    }

    private OptionalLong at(boolean known, long sinceNanos, long plusMs) {
        long nowNanos = nanoTime.getAsLong();
        boolean fresh = known && nowNanos - sinceNanos <= TimeUnit.MILLISECONDS.toNanos(MAX_AGE_MS);
        return fresh
                ? OptionalLong.of(offsetMs + TimeUnit.NANOSECONDS.toMillis(nowNanos) + plusMs)
                : OptionalLong.empty();
    }
}
