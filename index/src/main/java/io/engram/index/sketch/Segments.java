package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import java.util.Arrays;

/**
 * The segments of an index by slot, and which of them a writer appends to.
 *
 * <p>Thread-safe: readers see all segments of one moment, writers open more at any time. {@link #replace} and {@link #clear}
 * must not run beside writers.
 */
final class Segments {
    /** A second writer starts a segment of its own once the first one holds this many. */
    private static final int SPLIT_FROM = 4_096;

    /** A segment is rebuilt when more than one entry in this many is dead. */
    private static final int DEAD_SHARE = 4;

    private static final int REBUILD_FROM = 256;

    private final int dimension;
    private final Rotation rotation;
    private final HnswParameters parameters;
    private volatile Segment[] bySlot = new Segment[0];

    Segments(int dimension, Rotation rotation, HnswParameters parameters) {
        this.dimension = dimension;
        this.rotation = rotation;
        this.parameters = parameters;
    }

    /** Those of this moment; not to be changed. */
    Segment[] all() {
        return bySlot;
    }

    Segment at(int slot) {
        return bySlot[slot];
    }

    /** A segment without a slot yet, with room for so many entries in its graph. */
    Segment unplaced(int expected) {
        return new Segment(dimension, rotation, parameters, expected);
    }

    void replace(int slot, Segment fresh) {
        Segment[] all = bySlot.clone();
        all[slot] = fresh;
        bySlot = all;
    }

    void restore(Segment[] saved) {
        bySlot = saved;
    }

    void clear() {
        bySlot = new Segment[0];
    }

    /**
     * Locks the open segment that this thread wrote to last, or else one that no other thread is in; waits only while the
     * index is small.
     *
     * @return its slot; it may have been sealed in between
     */
    int lockOpen() {
        while (true) {
            Segment[] all = bySlot;
            int locked = tryLockOpen(all, true);
            if (locked < 0) {
                locked = tryLockOpen(all, false);
            }
            if (locked >= 0) {
                return locked;
            }
            int first = firstOpen(all);
            if (first >= 0 && all[first].size() < SPLIT_FROM) {
                all[first].lock().lock();
                return first;
            }
            open(all.length);
        }
    }

    private static int firstOpen(Segment[] all) {
        for (int slot = 0; slot < all.length; slot++) {
            if (!all[slot].isSealed()) {
                return slot;
            }
        }
        return -1;
    }

    private static int tryLockOpen(Segment[] all, boolean ownOnly) {
        for (int slot = 0; slot < all.length; slot++) {
            Segment segment = all[slot];
            if (!segment.isSealed()
                    && (!ownOnly || segment.isOwn())
                    && segment.lock().tryLock()) {
                return slot;
            }
        }
        return -1;
    }

    private synchronized void open(int expectedLength) {
        Segment[] all = bySlot;
        if (all.length != expectedLength) {
            return; // another writer did
        }
        if (all.length == Candidates.MAX_SLOTS) {
            throw new IllegalStateException("index is full: " + all.length + " segments");
        }
        // A space that has filled one is likely to fill another.
        int room = Arrays.stream(all).anyMatch(Segment::isFull) ? Segment.RESERVED : 0;
        Segment[] more = Arrays.copyOf(all, all.length + 1);
        more[all.length] = new Segment(dimension, rotation, parameters, room);
        bySlot = more;
    }

    /** The first segment with so much dead that it is to be rebuilt; -1 when there is none. */
    static int dueForRebuild(Segment[] all) {
        for (int slot = 0; slot < all.length; slot++) {
            int size = all[slot].size();
            if (size >= REBUILD_FROM && all[slot].dead() > size / DEAD_SHARE) {
                return slot;
            }
        }
        return -1;
    }

    long memoryBytes() {
        long bytes = 0;
        for (Segment segment : bySlot) {
            bytes += segment.memoryBytes();
        }
        return bytes;
    }
}
