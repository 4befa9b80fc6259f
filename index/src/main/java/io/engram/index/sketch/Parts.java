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
            int locked = Segments.lockOne(now.openSegments());
            if (locked >= 0) {
                return now.open().get(locked);
            }
            open(now);
        }
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
