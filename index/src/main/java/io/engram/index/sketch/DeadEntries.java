package io.engram.index.sketch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Which entries of a sealed segment are removed or replaced: a bit for each, in the heap, and nothing while there are none.
 * Thread-safe.
 */
final class DeadEntries {
    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);

    private final int entries;
    private final AtomicInteger count = new AtomicInteger();
    private volatile long[] words = new long[0];

    /** @param entries of the segment */
    DeadEntries(int entries) {
        this.entries = entries;
    }

    /** Longs of a bitset over so many entries. */
    static int wordsFor(int entries) {
        return (entries + Long.SIZE - 1) / Long.SIZE;
    }

    int count() {
        return count.get();
    }

    boolean contains(int ordinal) {
        long[] now = words;
        return now.length != 0 && ((long) LONGS.getAcquire(now, ordinal >> 6) & 1L << ordinal) != 0;
    }

    void add(int ordinal) {
        long[] now = words.length == 0 ? allocated() : words;
        long bit = 1L << ordinal;
        if (((long) LONGS.getAndBitwiseOr(now, ordinal >> 6, bit) & bit) == 0) {
            count.incrementAndGet();
        }
    }

    private synchronized long[] allocated() {
        if (words.length == 0) {
            words = new long[wordsFor(entries)];
        }
        return words;
    }

    /** The bits as they are; none while nothing is dead. Not beside {@link #add}. */
    long[] copy() {
        return words.clone();
    }

    /** Those that were {@link #copy}ed. */
    void restore(long[] saved) {
        int total = 0;
        for (long word : saved) {
            total += Long.bitCount(word);
        }
        words = saved.clone();
        count.set(total);
    }

    long memoryBytes() {
        return 8L * words.length;
    }
}
