package io.engram.topology.metrics;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The most frequent names of a stream, in bounded memory: the summary of J. Misra and D. Gries, "Finding repeated elements",
 * Science of Computer Programming 2 (1982). A name that makes more than one in {@code capacity + 1} of the stream is in it,
 * and no count is too high. Not thread-safe.
 */
final class Traffic {
    /**
     * A name, and how often it came at least.
     *
     * @param partition that it came from last
     */
    record Share(String name, int partition, long count) {}

    private static final class Counter {
        int partition;
        long count;
    }

    private final int capacity;
    private final Map<String, Counter> counters = new HashMap<>();

    /** @param capacity names that are counted at a time, 1 or more */
    Traffic(int capacity) {
        this.capacity = capacity;
    }

    /** The name came once more; takes constant time on average. */
    void add(String name, int partition) {
        Counter counter = counters.get(name);
        if (counter == null && counters.size() == capacity) {
            // Takes one from each, which as many calls before have added.
            counters.values().removeIf(other -> --other.count == 0);
            return;
        }
        if (counter == null) {
            counter = new Counter();
            counters.put(name, counter);
        }
        counter.partition = partition;
        counter.count++;
    }

    /** The names, the most frequent first. */
    List<Share> shares() {
        return counters.entrySet().stream()
                .map(entry -> new Share(entry.getKey(), entry.getValue().partition, entry.getValue().count))
                .sorted((a, b) -> Long.compare(b.count(), a.count()))
                .toList();
    }

    void remove(String name) {
        counters.remove(name);
    }

    void clear() {
        counters.clear();
    }
}
