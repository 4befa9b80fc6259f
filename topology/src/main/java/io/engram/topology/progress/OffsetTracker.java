package io.engram.topology.progress;

import java.util.OptionalLong;

/**
 * How far one partition of one lane is worked off although its records finish out of order, and which of its offsets were
 * records at all.
 *
 * <pre>
 * offsets  | 10 11 12 13 14 15 16 17
 *          | ✓  ✓  …  ✓  –  …  –            … = begun, – = passed over by Kafka
 *                                            watermark 11: everything up to it is done
 *                                            position 17: the next offset that may be a record
 * </pre>
 *
 * Begun offsets wait in a ring in rising order; the watermark stands before the first that is not done. Thread-safe.
 */
public final class OffsetTracker {
    /** What is known here of one offset. */
    public enum Seen {
        /** It was not reached: it is on its way, or nothing is written there yet. */
        COMING,
        /** A record of that offset was processed here. */
        DELIVERED,
        /** There is no such record: its transaction was aborted, it is a marker, or it was deleted. */
        SKIPPED,
        /** It was passed before this run, or too long ago to be remembered. */
        FORGOTTEN
    }

    // Below every offset, the first one included.
    private static final long NONE = Long.MIN_VALUE;

    private long[] offsets = new long[64];
    private boolean[] done = new boolean[64];
    private int head;
    private int size;
    // The first offset of which this tracker knows, and the next one to come.
    private long first = NONE;
    private long position = NONE;
    private long last = NONE;
    // The consumer has read up to fetchedTo; the last record before it is lastFetched.
    private long lastFetched = NONE;
    private long fetchedTo = NONE;
    private final SkippedOffsets skipped = new SkippedOffsets();

    /** A record that needs the index was taken; offsets must rise. */
    public synchronized void begin(long offset) {
        if (size == offsets.length) {
            grow();
        }
        int slot = slot(size++);
        offsets[slot] = offset;
        done[slot] = false;
        saw(offset);
    }

    /** A record that needs nothing more was passed; offsets must rise. */
    public synchronized void pass(long offset) {
        saw(offset);
        if (size == 0) {
            notifyAll();
        }
    }

    /**
     * The consumer read on. Once the last of the records that it brought is processed, everything before {@code next} is.
     *
     * @param lastRecord offset of the last record that came with this; empty when only the position moved
     * @param next the offset that is read next
     */
    public synchronized void fetched(OptionalLong lastRecord, long next) {
        lastFetched = lastRecord.orElse(lastFetched);
        fetchedTo = next;
        reachFetched();
        if (size == 0) {
            notifyAll();
        }
    }

    private void saw(long offset) {
        reach(offset);
        position = offset + 1;
        last = offset;
        reachFetched();
    }

    private void reachFetched() {
        if (last >= lastFetched && fetchedTo != NONE) {
            reach(fetchedTo);
        }
    }

    /** There is no record from the position up to here. */
    private void reach(long offset) {
        if (position == NONE) {
            first = offset;
            position = offset;
        } else if (offset > position) {
            skipped.add(position, offset);
            position = offset;
        }
    }

    /** What is known of that offset. */
    public synchronized Seen seen(long offset) {
        if (position != NONE && offset >= position) {
            return Seen.COMING;
        }
        if (position == NONE || offset < first || !skipped.remembers(offset)) {
            return Seen.FORGOTTEN;
        }
        return skipped.contains(offset) ? Seen.SKIPPED : Seen.DELIVERED;
    }

    /** A begun record is recallable. */
    public synchronized void done(long offset) {
        int at = find(offset);
        if (at < 0) {
            throw new IllegalArgumentException("offset was not begun: " + offset);
        }
        done[slot(at)] = true;
        boolean moved = false;
        while (size > 0 && done[head]) {
            head = (head + 1) & (offsets.length - 1);
            size--;
            moved = true;
        }
        if (moved) {
            notifyAll();
        }
    }

    /** Every record up to this offset is done, -1 and more; empty before anything was seen. */
    public synchronized OptionalLong watermark() {
        long reached = reached();
        return reached == NONE ? OptionalLong.empty() : OptionalLong.of(reached);
    }

    private long reached() {
        if (size > 0) {
            return offsets[head] - 1;
        }
        return position == NONE ? NONE : position - 1;
    }

    /** The next offset that may be a record, beyond those that were passed over; empty before anything was seen. */
    public synchronized OptionalLong position() {
        return position == NONE ? OptionalLong.empty() : OptionalLong.of(position);
    }

    /** The last offset that was begun or passed; empty before the first. */
    public synchronized OptionalLong last() {
        return last == NONE ? OptionalLong.empty() : OptionalLong.of(last);
    }

    /**
     * Waits until the watermark reaches the offset.
     *
     * @return false when the time ran out
     */
    public synchronized boolean await(long offset, long timeoutMs) throws InterruptedException {
        long deadline = System.nanoTime() + timeoutMs * 1_000_000;
        while (reached() < offset) {
            long leftMs = (deadline - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                return false;
            }
            wait(leftMs);
        }
        return true;
    }

    private int slot(int index) {
        return (head + index) & (offsets.length - 1);
    }

    private int find(long offset) {
        int low = 0;
        int high = size - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            long found = offsets[slot(middle)];
            if (found == offset) {
                return middle;
            }
            if (found < offset) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1;
    }

    private void grow() {
        int capacity = offsets.length;
        long[] biggerOffsets = new long[capacity * 2];
        boolean[] biggerDone = new boolean[capacity * 2];
        for (int i = 0; i < size; i++) {
            biggerOffsets[i] = offsets[slot(i)];
            biggerDone[i] = done[slot(i)];
        }
        offsets = biggerOffsets;
        done = biggerDone;
        head = 0;
    }
}
