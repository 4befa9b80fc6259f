package io.engram.topology.follow;

import java.util.TreeMap;

/**
 * Tells when all background tasks that were begun before a certain moment are done, although new ones keep coming.
 *
 * <pre>
 * begun   0 0 0 0 | 1 1 1 …        | = mark 1: reached when no task of an earlier epoch is pending
 * </pre>
 *
 * Thread-safe.
 */
final class BackgroundEpochs {
    private final TreeMap<Integer, Integer> pendingByEpoch = new TreeMap<>();
    private int epoch;
    private int pending;

    /** A task begins; returns its epoch. */
    synchronized int begin() {
        pending++;
        pendingByEpoch.merge(epoch, 1, Integer::sum);
        return epoch;
    }

    /** A task of that epoch is done. */
    synchronized void done(int taskEpoch) {
        pending--;
        pendingByEpoch.computeIfPresent(taskEpoch, (key, count) -> count == 1 ? null : count - 1);
    }

    /** From now on tasks belong to a new epoch; returns it, as the mark between the two. */
    synchronized int mark() {
        return ++epoch;
    }

    /** True when no task from before the mark is pending. */
    synchronized boolean isReached(int mark) {
        return pendingByEpoch.isEmpty() || pendingByEpoch.firstKey() >= mark;
    }

    /** All pending tasks. */
    synchronized int pending() {
        return pending;
    }
}
