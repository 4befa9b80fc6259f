package io.engram.index.sketch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Where the newest entry of each id of an {@link OpenSegment} is: a table with open addressing and linear probing.
 *
 * <pre>
 * slot (long)   hash : 32 │ ordinal + 1 : 32      0 for none; a power of two of them, at most half of them taken
 * </pre>
 *
 * One writer at a time; readers need no lock, and find what was put before they began.
 */
final class IdTable {
    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int FIRST_SLOTS = 16;
    private static final int OWN_BYTES = 56;

    static final int NONE = -1;

    private final OpenSegment entries;
    private volatile long[] slots = new long[FIRST_SLOTS];
    private int used;

    IdTable(OpenSegment entries) {
        this.entries = entries;
    }

    static long slot(int hash, int ordinal) {
        return (long) hash << 32 | ordinal + 1;
    }

    static int hash(long slot) {
        return (int) (slot >>> 32);
    }

    static int ordinal(long slot) {
        return (int) slot - 1;
    }

    /** Slots of a table of so many ids. */
    static int slotsFor(int ids) {
        return Math.max(FIRST_SLOTS, Integer.highestOneBit(Math.max(1, 2 * ids - 1)) * 2);
    }

    /** The ordinal of the newest entry of an id, live or not; {@link #NONE} when there is none. */
    int find(IdHash.Key key) {
        long[] table = slots;
        for (int at = key.hash() & table.length - 1; ; at = at + 1 & table.length - 1) {
            long slot = (long) LONGS.getAcquire(table, at);
            if (slot == 0) {
                return NONE;
            }
            if (hash(slot) == key.hash() && entries.id(ordinal(slot)).equals(key.id())) {
                return ordinal(slot);
            }
        }
    }

    /** The entry is the newest of its id from now on. By the writer. */
    void put(IdHash.Key key, int ordinal) {
        long[] table = slots;
        if (2 * (used + 1) > table.length) {
            table = grown(table);
            slots = table;
        }
        int at = key.hash() & table.length - 1;
        while (table[at] != 0
                && (hash(table[at]) != key.hash()
                        || !entries.id(ordinal(table[at])).equals(key.id()))) {
            at = at + 1 & table.length - 1;
        }
        used += table[at] == 0 ? 1 : 0;
        LONGS.setRelease(table, at, slot(key.hash(), ordinal));
    }

    private static long[] grown(long[] table) {
        long[] larger = new long[table.length * 2];
        for (long slot : table) {
            if (slot != 0) {
                int at = hash(slot) & larger.length - 1;
                while (larger[at] != 0) {
                    at = at + 1 & larger.length - 1;
                }
                larger[at] = slot;
            }
        }
        return larger;
    }

    long memoryBytes() {
        return OWN_BYTES + 8L * slots.length;
    }
}
