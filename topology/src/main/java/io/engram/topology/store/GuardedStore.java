package io.engram.topology.store;

import io.engram.topology.follow.StoredValues.StoreClosedException;
import io.engram.topology.format.StoreKeys;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.query.PositionBound;
import org.apache.kafka.streams.query.Query;
import org.apache.kafka.streams.query.QueryConfig;
import org.apache.kafka.streams.query.QueryResult;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/**
 * RocksDB that can be sealed, and read by other threads ({@link #read}, {@link #scan}, {@link #forEach}); the methods of a
 * store belong to the thread that owns the task. Every one of them waits for ever once the store is sealed.
 */
abstract class GuardedStore implements KeyValueStore<Bytes, byte[]>, OpenStores.Sealable {
    private static final int PAGE = 500;

    private final KeyValueStore<Bytes, byte[]> rocks;
    // RocksDB is native code: nobody may be inside while it closes.
    private final ReadWriteLock lifecycle = new ReentrantReadWriteLock();
    private volatile boolean open;

    GuardedStore(KeyValueStore<Bytes, byte[]> rocks) {
        this.rocks = rocks;
    }

    /** Opens RocksDB; what is restored goes through the hook. */
    final void open(StateStoreContext context, StateStore root, UnaryOperator<StateRestoreCallback> hook) {
        rocks.init(new RestoreHookContext(context, hook), root);
        open = true;
    }

    /**
     * The value of a key as it is now, from any thread.
     *
     * @throws StoreClosedException when the task has gone
     */
    public Optional<byte[]> read(Bytes key) {
        return guarded(() -> Optional.ofNullable(rocks.get(key)));
    }

    /** Up to {@code max} entries from {@code from} (inclusive) to {@code to} (exclusive), from any thread. */
    public List<KeyValue<Bytes, byte[]>> scan(Bytes from, Bytes to, int max) {
        return guarded(() -> scanShared(from, to, max));
    }

    final List<KeyValue<Bytes, byte[]>> scanShared(Bytes from, Bytes to, int max) {
        List<KeyValue<Bytes, byte[]>> entries = new ArrayList<>();
        try (KeyValueIterator<Bytes, byte[]> iterator = rocks.range(from, to)) {
            while (entries.size() < max && iterator.hasNext()) {
                KeyValue<Bytes, byte[]> entry = iterator.next();
                if (entry.key.compareTo(to) < 0) {
                    entries.add(entry);
                }
            }
        }
        return entries;
    }

    /** Every entry from {@code from} (inclusive) to {@code to} (exclusive), page by page, from any thread. */
    void forEach(Bytes from, Bytes to, Consumer<KeyValue<Bytes, byte[]>> consumer) {
        forEachWhile(from, to, entry -> {
            consumer.accept(entry);
            return true;
        });
    }

    /** As {@link #forEach}, until the visitor says false. */
    void forEachWhile(Bytes from, Bytes to, Predicate<KeyValue<Bytes, byte[]>> visitor) {
        Bytes next = from;
        List<KeyValue<Bytes, byte[]>> page;
        do {
            page = scan(next, to, PAGE);
            for (KeyValue<Bytes, byte[]> entry : page) {
                if (!visitor.test(entry)) {
                    return;
                }
            }
            next = page.isEmpty() ? next : StoreKeys.successor(page.get(page.size() - 1).key);
        } while (page.size() == PAGE);
    }

    private <T> T guarded(Supplier<T> reading) {
        return shared(() -> {
            if (!open) {
                throw new StoreClosedException(name());
            }
            return reading.get();
        });
    }

    /** Does something while the store does not close. */
    final <T> T shared(Supplier<T> work) {
        Lock shared = lifecycle.readLock();
        shared.lock();
        try {
            return work.get();
        } finally {
            shared.unlock();
        }
    }

    /** Does something while nobody is inside. */
    final void exclusive(Runnable work) {
        Lock exclusive = lifecycle.writeLock();
        exclusive.lock();
        try {
            work.run();
        } finally {
            exclusive.unlock();
        }
    }

    @Override
    public boolean seal(long limitNanos) throws InterruptedException {
        return lifecycle.writeLock().tryLock(limitNanos, TimeUnit.NANOSECONDS);
    }

    @Override
    public void writeDown() {
        rocks.close();
    }

    @Override
    public void close() {
        exclusive(() -> {
            open = false;
            rocks.close();
        });
    }

    @Override
    public String name() {
        return rocks.name();
    }

    @Override
    public boolean persistent() {
        return rocks.persistent();
    }

    @Override
    public boolean isOpen() {
        return rocks.isOpen();
    }

    @Override
    public void commit(Map<TopicPartition, Long> changelogOffsets) {
        shared(() -> {
            rocks.commit(changelogOffsets);
            return true;
        });
    }

    @Override
    public Long committedOffset(TopicPartition partition) {
        return rocks.committedOffset(partition);
    }

    @Override
    @SuppressWarnings("deprecation") // Streams still asks
    public boolean managesOffsets() {
        return rocks.managesOffsets();
    }

    /** Bytes that are staged until the next commit: Streams commits early when they become many. */
    @Override
    public long approximateNumUncommittedBytes() {
        return rocks.approximateNumUncommittedBytes();
    }

    @Override
    public ReadOnlyKeyValueStore<Bytes, byte[]> readOnly(IsolationLevel isolation) {
        return rocks.readOnly(isolation);
    }

    @Override
    public Position getPosition() {
        return rocks.getPosition();
    }

    @Override
    public <R> QueryResult<R> query(Query<R> query, PositionBound positionBound, QueryConfig config) {
        return rocks.query(query, positionBound, config);
    }

    @Override
    public void put(Bytes key, byte[] value) {
        shared(() -> {
            rocks.put(key, value);
            return true;
        });
    }

    @Override
    public byte[] putIfAbsent(Bytes key, byte[] value) {
        return shared(() -> rocks.putIfAbsent(key, value));
    }

    @Override
    public void putAll(List<KeyValue<Bytes, byte[]>> entries) {
        shared(() -> {
            rocks.putAll(entries);
            return true;
        });
    }

    @Override
    public byte[] delete(Bytes key) {
        return shared(() -> rocks.delete(key));
    }

    @Override
    public byte[] get(Bytes key) {
        return shared(() -> rocks.get(key));
    }

    @Override
    public KeyValueIterator<Bytes, byte[]> range(Bytes from, Bytes to) {
        return shared(() -> rocks.range(from, to));
    }

    @Override
    public KeyValueIterator<Bytes, byte[]> reverseRange(Bytes from, Bytes to) {
        return shared(() -> rocks.reverseRange(from, to));
    }

    @Override
    public KeyValueIterator<Bytes, byte[]> all() {
        return shared(() -> rocks.all());
    }

    @Override
    public KeyValueIterator<Bytes, byte[]> reverseAll() {
        return shared(() -> rocks.reverseAll());
    }

    @Override
    public <PS extends Serializer<P>, P> KeyValueIterator<Bytes, byte[]> prefixScan(P prefix, PS serializer) {
        return shared(() -> rocks.prefixScan(prefix, serializer));
    }

    @Override
    public long approximateNumEntries() {
        return rocks.approximateNumEntries();
    }
}
