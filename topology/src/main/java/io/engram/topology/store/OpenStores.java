package io.engram.topology.store;

import io.engram.topology.indexing.StoredValues;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The partitions that are open in this process. An interactive query finds a task only while Streams has it in its lists:
 * a standby that becomes active is in none of them while the stream thread waits for the group's committed offsets, which
 * it does for as long as a transaction of the instance that died is open. Its store is open all that time. Thread-safe.
 */
public final class OpenStores {
    private final Map<Integer, MemoryView> views = new ConcurrentHashMap<>();

    private volatile Runnable beforeClose = () -> {};

    /**
     * What to do before a store closes, on the thread that closes it. Kafka Streams may wipe it next, after whatever error.
     *
     * @param check may wait for some seconds; it does not return when the process ends instead
     */
    public void beforeClose(Runnable check) {
        beforeClose = check;
    }

    void opened(MemoryView view) {
        views.put(view.partition(), view);
    }

    void closing(MemoryView view) {
        beforeClose.run();
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

    /**
     * Writes to disk what the stores have only in memory, for a process that halts next and whose state is to stay as it is.
     * From then on every thread that comes to a store waits, for ever: a task that fails or closes would be wiped.
     *
     * @param limit for all of it
     * @return the partitions that were not written within that time
     */
    public Set<Integer> writeDownAndSeal(Duration limit) throws InterruptedException {
        long endNanos = System.nanoTime() + limit.toNanos();
        Set<Integer> left = new ConcurrentSkipListSet<>(views.keySet());
        Map<Integer, MemoryView> sealed = new TreeMap<>();
        for (Map.Entry<Integer, MemoryView> entry : views.entrySet()) {
            if (entry.getValue().store().seal(Math.max(0, endNanos - System.nanoTime()))) {
                sealed.put(entry.getKey(), entry.getValue());
            }
        }
        Thread writing = new Thread(
                () -> sealed.forEach((partition, view) -> {
                    view.store().writeDown();
                    left.remove(partition);
                }),
                "engram-write-down");
        writing.setDaemon(true);
        writing.start();
        writing.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime())));
        return new TreeSet<>(left);
    }
}
