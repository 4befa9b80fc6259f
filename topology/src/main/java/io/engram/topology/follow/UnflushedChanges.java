package io.engram.topology.follow;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;

/**
 * The changes of a space that are not known to be in RocksDB's files, in the order of the journal: as many as a memtable holds
 * at most. Thread-safe.
 */
final class UnflushedChanges {
    private record Entry(long number, String id) {}

    private final Deque<Entry> entries = new ArrayDeque<>();
    private long last;

    /** The next change. */
    synchronized void add(long number, String id, long flushed) {
        forget(flushed);
        entries.addLast(new Entry(number, id));
        last = number;
    }

    private void forget(long flushed) {
        while (!entries.isEmpty() && entries.getFirst().number <= flushed) {
            entries.removeFirst();
        }
    }

    /** Number of the last change of this epoch; 0 when there was none. */
    synchronized long last() {
        return last;
    }

    /** Adds the ids that changed after {@code flushed}. */
    synchronized void collect(long flushed, Collection<String> ids) {
        forget(flushed);
        entries.forEach(entry -> ids.add(entry.id));
    }
}
