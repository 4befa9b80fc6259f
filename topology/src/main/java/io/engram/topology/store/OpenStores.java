package io.engram.topology.store;

import io.engram.topology.follow.StoredValues;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
    private final Map<Integer, SessionView> sessions = new ConcurrentHashMap<>();

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

    void opened(int partition, SessionView view) {
        sessions.put(partition, view);
    }

    void closed(int partition, SessionView view) {
        sessions.remove(partition, view);
    }

    /** The sessions of a partition; empty when they are not open here. */
    Optional<SessionView> sessions(int partition) {
        return Optional.ofNullable(sessions.get(partition));
    }

    /** RocksDB of a store, which can be kept as it is when the process halts. */
    interface Sealable {
        /**
         * Lets nobody in any more, not even to close: whoever owns the task would wipe it after an error. There is no way
         * back, the process halts next.
         *
         * @return false when somebody was inside for all that time
         */
        boolean seal(long limitNanos) throws InterruptedException;

        /** Has RocksDB write to its files what is only in memory: it has no log of its own, and only does so when it closes. */
        void writeDown();
    }

    private List<Sealable> storesOf(int partition) {
        List<Sealable> stores = new ArrayList<>();
        Optional.ofNullable(views.get(partition)).ifPresent(view -> stores.add(view.store()));
        sessions(partition).ifPresent(view -> stores.add(view.store()));
        return stores;
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
        Map<Integer, List<Sealable>> sealed = new TreeMap<>();
        for (int partition : views.keySet()) {
            List<Sealable> stores = storesOf(partition);
            boolean all = true;
            for (Sealable store : stores) {
                all &= store.seal(Math.max(0, endNanos - System.nanoTime()));
            }
            if (all) {
                sealed.put(partition, stores);
            }
        }
        Thread writing = new Thread(
                () -> sealed.forEach((partition, stores) -> {
                    stores.forEach(Sealable::writeDown);
                    left.remove(partition);
                }),
                "engram-write-down");
        writing.setDaemon(true);
        writing.start();
        writing.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime())));
        return new TreeSet<>(left);
    }
}
