package io.engram.topology.follow;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The changes of a space that are not known to be in RocksDB's files, in the order of the journal: as many as a memtable holds
 * at most. Thread-safe.
 */
final class UnflushedChanges {
    private final Deque<FollowerCommit.Change> entries = new ArrayDeque<>();
    private long last;

    /** The next change. */
    synchronized void add(long number, String id, long flushed) {
        forget(flushed);
        entries.addLast(new FollowerCommit.Change(number, id));
        last = number;
    }

    private void forget(long flushed) {
        while (!entries.isEmpty() && entries.getFirst().number() <= flushed) {
            entries.removeFirst();
        }
    }

    /** Number of the last change of this epoch; 0 when there was none. */
    synchronized long last() {
        return last;
    }

    /** The changes after {@code flushed}, in their order. */
    synchronized List<FollowerCommit.Change> after(long flushed) {
        forget(flushed);
        return List.copyOf(entries);
    }
}
