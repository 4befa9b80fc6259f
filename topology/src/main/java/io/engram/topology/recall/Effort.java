package io.engram.topology.recall;

import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * How much a recall may cost.
 *
 * @param deadlineNanos on the clock of {@link System#nanoTime}: the search ends then with what it has found
 * @param heldBytes of memories that the outcome may hold; others are read when it is their turn
 * @param unwanted true once nobody waits for the outcome any more: the search ends then as well; asked often, by the
 *     searching thread
 */
public record Effort(long deadlineNanos, long heldBytes, BooleanSupplier unwanted) {
    /** For reading what was found, once the search is over. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /** Until a moment from now. */
    public static Effort of(long leftMs, long heldBytes, BooleanSupplier unwanted) {
        return new Effort(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(leftMs), heldBytes, unwanted);
    }

    /** As long and as much as it takes. */
    public static Effort unlimited() {
        return new Effort(System.nanoTime() + Long.MAX_VALUE / 2, Long.MAX_VALUE, () -> false);
    }

    boolean isOver() {
        return unwanted.getAsBoolean() || System.nanoTime() - deadlineNanos >= 0;
    }

    /** True when not even what was found is read any more. */
    boolean isLate() {
        return unwanted.getAsBoolean() || System.nanoTime() - deadlineNanos >= GRACE_NANOS;
    }
}
