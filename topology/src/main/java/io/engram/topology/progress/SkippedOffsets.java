package io.engram.topology.progress;

import java.util.OptionalLong;

/**
 * The offsets that Kafka passed over, as ranges in rising order: markers of transactions, records of aborted ones, and what
 * the topic's retention deleted. Keeps the latest ranges only, and says from where on it knows. Not thread-safe.
 */
final class SkippedOffsets {
    /** A range is 16 bytes, so one lane of one partition takes 64 KiB at most. */
    private static final int MAX_RANGES = 4_096;

    private long[] from = new long[8];
    private long[] to = new long[8];
    private int head;
    private int size;
    private OptionalLong forgottenBefore = OptionalLong.empty();

    /** Offsets from {@code start} (inclusive) to {@code end} (exclusive) were passed over; ranges come in rising order. */
    void add(long start, long end) {
        if (size > 0 && to[slot(size - 1)] == start) {
            to[slot(size - 1)] = end;
            return;
        }
        if (size == MAX_RANGES) {
            forgottenBefore = OptionalLong.of(to[head]);
            head = slot(1);
            size--;
        } else if (size == from.length) {
            grow();
        }
        int slot = slot(size++);
        from[slot] = start;
        to[slot] = end;
    }

    /** False when the offset may lie in a range that was forgotten. */
    boolean remembers(long offset) {
        return forgottenBefore.isEmpty() || offset >= forgottenBefore.getAsLong();
    }

    /** True when the offset lies in one of the ranges. */
    boolean contains(long offset) {
        int low = 0;
        int high = size - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int slot = slot(middle);
            if (offset < from[slot]) {
                high = middle - 1;
            } else if (offset >= to[slot]) {
                low = middle + 1;
            } else {
                return true;
            }
        }
        return false;
    }

    private int slot(int index) {
        return (head + index) & (from.length - 1);
    }

    private void grow() {
        long[] biggerFrom = new long[from.length * 2];
        long[] biggerTo = new long[from.length * 2];
        for (int i = 0; i < size; i++) {
            biggerFrom[i] = from[slot(i)];
            biggerTo[i] = to[slot(i)];
        }
        from = biggerFrom;
        to = biggerTo;
        head = 0;
    }
}
