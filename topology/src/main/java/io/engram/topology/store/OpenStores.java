package io.engram.topology.store;

import io.engram.topology.indexing.StoredValues;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * The partitions that are open in this process. An interactive query finds a task only while Streams has it in its lists:
 * a standby that becomes active is in none of them while the stream thread waits for the group's committed offsets, which
 * it does for as long as a transaction of the instance that died is open. Its store is open all that time. Thread-safe.
 */
public final class OpenStores {
    private final Map<Integer, MemoryView> views = new ConcurrentHashMap<>();

    void opened(MemoryView view) {
        views.put(view.partition(), view);
    }

    void closed(MemoryView view) {
        views.remove(view.partition(), view);
    }

    public Set<Integer> partitions() {
        return new TreeSet<>(views.keySet());
    }

    /** The answer of a partition's {@link MemoryView}; empty when it is not open here. */
    public <R> Optional<R> ask(int partition, Function<MemoryView, R> question) {
        try {
            return Optional.ofNullable(views.get(partition)).map(question);
        } catch (StoredValues.StoreClosedException e) {
            return Optional.empty(); // it has just gone elsewhere
        }
    }
}
