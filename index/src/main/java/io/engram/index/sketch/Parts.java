package io.engram.index.sketch;

import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * The segments of an index as they change. Whoever changes entries holds {@link #changing()}; segments take each other's place
 * while nobody does. Readers need no lock. Thread-safe.
 */
final class Parts {
    /** A second writer starts a segment of its own once the first one holds this many. */
    private static final int SPLIT_FROM = 4_096;

    // Shared by all changes; exclusive for the moment in which segments take the place of others, or all are looked at.
    private final ReadWriteLock swap = new ReentrantReadWriteLock();
    private final Function<View, OpenPart> maker;
    private volatile View view;

    /** @param maker of another open segment, beside those there are */
    Parts(View view, Function<View, OpenPart> maker) {
        this.view = view;
        this.maker = maker;
    }

    View view() {
        return view;
    }

    Lock changing() {
        return swap.readLock();
    }

    /** Looks at the segments, or puts others in their place, while no entry changes. */
    void exclusively(UnaryOperator<View> action) {
        swap.writeLock().lock();
        try {
            view = action.apply(view);
        } finally {
            swap.writeLock().unlock();
        }
    }

    /** An open segment whose lock the caller holds from now on; it may have been sealed in between. While {@link #changing}. */
    OpenPart lockOpen() {
        while (true) {
            View now = view;
            int locked = lockOne(now.openSegments());
            if (locked >= 0) {
                return now.open().get(locked);
            }
            open(now);
        }
    }

    /**
     * Locks the one that this thread wrote to last, or else one that no other thread is in; waits only while the first one is
     * small. -1 when another one is to be opened.
     */
    private static int lockOne(OpenSegment[] all) {
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
        for (int i = 0; i < all.length; i++) {
            if (!all[i].isSealed()) {
                return i;
            }
        }
        return -1;
    }

    private static int tryLockOpen(OpenSegment[] all, boolean ownOnly) {
        for (int i = 0; i < all.length; i++) {
            OpenSegment segment = all[i];
            if (!segment.isSealed()
                    && (!ownOnly || segment.isOwn())
                    && segment.lock().tryLock()) {
                return i;
            }
        }
        return -1;
    }

    private synchronized void open(View seen) {
        if (view != seen) {
            return; // another writer did
        }
        if (seen.all().length == Candidates.MAX_SLOTS) {
            throw new IllegalStateException("index is full: " + seen.all().length + " segments");
        }
        view = seen.with(maker.apply(seen));
    }
}
