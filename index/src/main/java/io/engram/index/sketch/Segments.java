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
    private volatile OpenSegment[] bySlot = new OpenSegment[0];

    Segments(int dimension, Rotation rotation, HnswParameters parameters) {
        this.dimension = dimension;
        this.rotation = rotation;
        this.parameters = parameters;
    }

    /** Those of this moment; not to be changed. */
    OpenSegment[] all() {
        return bySlot;
    }

    OpenSegment at(int slot) {
        return bySlot[slot];
    }

    /** A segment without a slot yet, with room for so many entries in its graph. */
    OpenSegment unplaced(int expected) {
        return new OpenSegment(dimension, rotation, parameters, expected);
    }

    void replace(int slot, OpenSegment fresh) {
        OpenSegment[] all = bySlot.clone();
        all[slot] = fresh;
        bySlot = all;
    }

    void restore(OpenSegment[] saved) {
        bySlot = saved;
    }

    void clear() {
        bySlot = new OpenSegment[0];
    }

    /**
     * Locks the open segment that this thread wrote to last, or else one that no other thread is in; waits only while the
     * index is small.
     *
     * @return its slot; it may have been sealed in between
     */
    int lockOpen() {
        while (true) {
            OpenSegment[] all = bySlot;
            int locked = lockOne(all);
            if (locked >= 0) {
                return locked;
            }
            open(all.length);
        }
    }

    /** As {@link #lockOpen}, of these; -1 when another one is to be opened. */
    static int lockOne(OpenSegment[] all) {
        int locked = tryLockOpen(all, true);
        if (locked < 0) {
            locked = tryLockOpen(all, false);
        }
        int first = locked < 0 ? firstOpen(all) : -1;
        if (first >= 0 && all[first].size() < SPLIT_FROM) {
            all[first].lock().lock();
            return first;
        }
        return locked;
    }

    private static int firstOpen(OpenSegment[] all) {
        for (int slot = 0; slot < all.length; slot++) {
            if (!all[slot].isSealed()) {
                return slot;
            }
        }
        return -1;
    }

    private static int tryLockOpen(OpenSegment[] all, boolean ownOnly) {
        for (int slot = 0; slot < all.length; slot++) {
            OpenSegment segment = all[slot];
            if (!segment.isSealed()
                    && (!ownOnly || segment.isOwn())
                    && segment.lock().tryLock()) {
                return slot;
            }
        }
        return -1;
    }

    private synchronized void open(int expectedLength) {
        OpenSegment[] all = bySlot;
        if (all.length != expectedLength) {
            return; // another writer did
        }
        if (all.length == Candidates.MAX_SLOTS) {
            throw new IllegalStateException("index is full: " + all.length + " segments");
        }
        // A space that has filled one is likely to fill another.
        int room = Arrays.stream(all).anyMatch(OpenSegment::isFull) ? OpenSegment.RESERVED : 0;
        OpenSegment[] more = Arrays.copyOf(all, all.length + 1);
        more[all.length] = new OpenSegment(dimension, rotation, parameters, room);
        bySlot = more;
    }

    /** The first segment with so much dead that it is to be rebuilt; -1 when there is none. */
    static int dueForRebuild(OpenSegment[] all) {
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
        for (OpenSegment segment : bySlot) {
            bytes += segment.memoryBytes();
        }
        return bytes;
    }
}
