package io.engram.app.lifecycle;

import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stream threads that ended because the disk under {@code state.dir} took no more. A new thread would meet the same disk,
 * restore what it cannot keep, and die too; so none is started before there is room. Meanwhile the instance has no part in
 * its group: others take its partitions over, and what nobody takes over waits in Kafka. Thread-safe.
 */
final class DiskHold {
    private static final Logger LOG = LoggerFactory.getLogger(DiskHold.class);
    // By then the thread has ended, and its stores are closed.
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long AGAIN_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final int MAX_AGAIN = 5;
    // Who went on for so long did not fail for want of the room that there was.
    private static final long RECOVERED_NANOS = TimeUnit.HOURS.toNanos(1);
    private static final String ADVICE =
            ". Processing on this instance waits until there is room, and then goes on by itself. Nothing is lost: the"
                    + " memories are in the changelog, and what comes in waits in Kafka. "
                    + StateDisk.ADVICE
                    + ". See 'EngramStateDiskFull' in docs/operations/runbook.md";

    private final Supplier<Optional<String>> trouble;
    private final Supplier<Optional<StateDisk.Room>> room;
    private final LongSupplier nanoTime;
    // Probes read both without waiting for a disk that is being looked at.
    private volatile Optional<String> reason = Optional.empty();
    private volatile int held;
    private int failedAgain;
    private boolean wentOn;
    private long wentOnNanos;
    private long nextLookNanos;
    private long nextAttemptNanos;
    private long triedWithBytes;

    /**
     * @param trouble what is wrong with the disk now, in words; empty when stores can be kept there
     * @param room as the disk had it when it was asked that; empty when that is not known
     * @param nanoTime as {@link System#nanoTime}
     */
    DiskHold(Supplier<Optional<String>> trouble, Supplier<Optional<StateDisk.Room>> room, LongSupplier nanoTime) {
        this.trouble = trouble;
        this.room = room;
        this.nanoTime = nanoTime;
    }

    /** A stream thread dies of that; returns true when the disk is the reason, and no other should take its place yet. */
    synchronized boolean holds(Throwable failure) {
        Optional<String> said = DiskFailure.of(failure);
        Optional<String> now = said.isPresent() || DiskFailure.mayBe(failure) ? trouble.get() : Optional.empty();
        if (said.isEmpty() && now.isEmpty()) {
            return false;
        }
        long nowNanos = nanoTime.getAsLong();
        if (held == 0) {
            pause(nowNanos);
        }
        held += 1;
        nextLookNanos = nowNanos + LOOK_NANOS;
        // What the store said names a file, and is all there is when its half-written files are gone already.
        String words = now.or(() -> said).orElseThrow();
        reason = Optional.of(words + ADVICE);
        LOG.error(
                "A stream thread ended because of the disk. {}{}{}",
                said.filter(more -> now.isPresent()).map(more -> more + "; ").orElse(""),
                words,
                ADVICE);
        return true;
    }

    /**
     * RocksDB takes back what it had half-written, and Kafka Streams deletes after ten minutes what no thread has: there may be
     * room for an attempt, and not for what it needs. Each attempt takes partitions from those who serve them; so the next is
     * later: after 5 s, 1 min, 2 min, ... 16 min.
     */
    private void pause(long now) {
        failedAgain = wentOn && now - wentOnNanos < RECOVERED_NANOS ? Math.min(failedAgain + 1, MAX_AGAIN) : 0;
        nextAttemptNanos = now + (failedAgain == 0 ? LOOK_NANOS : AGAIN_NANOS << failedAgain - 1);
    }

    /**
     * Starts as many threads as were held when there is room again: at once when somebody made it, or else when the time
     * has come for another attempt. What cannot be started is tried again after 5 s.
     *
     * @param startThread returns false, or throws, when that is not possible now
     */
    synchronized void look(BooleanSupplier startThread) {
        long now = nanoTime.getAsLong();
        if (held == 0 || now - nextLookNanos < 0) {
            return;
        }
        Optional<String> wrong = trouble.get();
        wrong.ifPresent(words -> reason = Optional.of(words + ADVICE));
        if (wrong.isPresent() || now - nextAttemptNanos < 0 && !isMade()) {
            return;
        }
        nextLookNanos = now + LOOK_NANOS;
        triedWithBytes = room.get().map(StateDisk.Room::freeBytes).orElse(Long.MAX_VALUE);
        while (held > 0 && startThread.getAsBoolean()) {
            held -= 1;
        }
        if (held == 0) {
            LOG.info("There is room in state.dir: the stream threads are started again");
            reason = Optional.empty();
            wentOn = true;
            wentOnNanos = now;
        }
    }

    /** True when much more is free than the last attempt had, which was not enough. */
    private boolean isMade() {
        return room.get()
                .filter(now -> now.freeBytes() - triedWithBytes >= now.enoughBytes())
                .isPresent();
    }

    /** Threads that wait for room. */
    int held() {
        return held;
    }

    /** Why they do, and what to do about it; empty when none does. */
    Optional<String> reason() {
        return reason;
    }
}
