package io.engram.topology.indexing;

import java.util.TreeMap;

/**
 * Tells when all background tasks that were begun before a certain moment are done, although new ones keep coming.
 *
 * <pre>
 * begun   1 1 1 1 | 2 2 2 …        | = mark: reached when no task of an earlier epoch is pending
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

    /** From now on tasks belong to a new epoch. */
    synchronized void mark() {
        epoch++;
    }

    /** True when no task from before the last mark is pending. */
    synchronized boolean isMarkReached() {
        return pendingByEpoch.isEmpty() || pendingByEpoch.firstKey() >= epoch;
    }

    /** All pending tasks. */
    synchronized int pending() {
        return pending;
    }
}
