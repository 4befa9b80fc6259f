package io.engram.index.sketch;

import java.util.Arrays;

/**
 * The most similar entries met so far, of all segments: a binary heap with the least similar on top.
 *
 * <pre>
 * key (long)   similarity, so coded that greater is more similar : 32 │ slot of the segment : 14 │ ordinal : 18
 * </pre>
 *
 * Not thread-safe.
 */
final class Candidates {
    private static final int ORDINAL_BITS = Beam.NODE_BITS;

    /** Segments that a key can name. */
    static final int MAX_SLOTS = 1 << 32 - ORDINAL_BITS;

    private static final int ORDINAL_MASK = (1 << ORDINAL_BITS) - 1;

    private final long[] heap;
    private int size;

    /** @param max how many are kept, 1 or more */
    Candidates(int max) {
        heap = new long[max];
    }

    void offer(float similarity, int slot, int ordinal) {
        long key = (long) flipped(Float.floatToIntBits(similarity)) << 32 | (long) slot << ORDINAL_BITS | ordinal;
        if (size < heap.length) {
            int at = size++;
            while (at > 0 && heap[at - 1 >> 1] > key) {
                heap[at] = heap[at - 1 >> 1];
                at = at - 1 >> 1;
            }
            heap[at] = key;
        } else if (key > heap[0]) {
            replaceTop(key);
        }
    }

    private void replaceTop(long key) {
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= size) {
                break;
            }
            if (child + 1 < size && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= key) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = key;
    }

    /** Bits of a float as an int of the same order, and back. */
    private static int flipped(int bits) {
        return bits ^ (bits >> 31 & Integer.MAX_VALUE);
    }

    /** Orders them, most similar last; no more are offered then. */
    void sort() {
        Arrays.sort(heap, 0, size);
    }

    int size() {
        return size;
    }

    float similarity(int i) {
        return Float.intBitsToFloat(flipped((int) (heap[i] >>> 32)));
    }

    int slot(int i) {
        return (int) heap[i] >>> ORDINAL_BITS;
    }

    int ordinal(int i) {
        return (int) heap[i] & ORDINAL_MASK;
    }
}
