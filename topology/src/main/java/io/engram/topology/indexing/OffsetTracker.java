package io.engram.topology.indexing;

/**
 * How far one partition of one lane is worked off although its records finish out of order.
 *
 * <pre>
 * offsets  | 10 11 12 13 14 15
 *          | ✓  ✓  …  ✓  …        … = begun     watermark 11: everything up to it is done
 * </pre>
 *
 * Begun offsets wait in a ring in rising order; the watermark stands before the first that is not done. Thread-safe.
 */
public final class OffsetTracker {
    /** The watermark before anything was seen. */
    public static final long NONE = -1;

    private long[] offsets = new long[64];
    private boolean[] done = new boolean[64];
    private int head;
    private int size;
    private long first = NONE;
    private long last = NONE;

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

    private void saw(long offset) {
        first = first == NONE ? offset : first;
        last = offset;
    }

    /** The first offset that was begun or passed here; {@link #NONE} before it. */
    public synchronized long first() {
        return first;
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

    /** Every record up to this offset is done; {@link #NONE} before the first. */
    public synchronized long watermark() {
        return size == 0 ? last : offsets[head] - 1;
    }

    /** The last offset that was begun or passed; {@link #NONE} before the first. */
    public synchronized long last() {
        return last;
    }

    /**
     * Waits until the watermark reaches the offset.
     *
     * @return false when the time ran out
     */
    public synchronized boolean await(long offset, long timeoutMs) throws InterruptedException {
        long deadline = System.nanoTime() + timeoutMs * 1_000_000;
        while (watermark() < offset) {
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
