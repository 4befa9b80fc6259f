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
import java.util.function.Supplier;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
import org.apache.kafka.streams.processor.internals.StateRestoreCallbackAdapter;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.query.PositionBound;
import org.apache.kafka.streams.query.Query;
import org.apache.kafka.streams.query.QueryConfig;
import org.apache.kafka.streams.query.QueryResult;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/**
 * RocksDB below the sessions' cache. It can be sealed, and be looked through by other threads ({@link #forEachKey}); the
 * other methods belong to the thread that owns the task. Every one of them waits for ever once the store is sealed.
 */
final class GuardedStore implements KeyValueStore<Bytes, byte[]>, OpenStores.Sealable {
    private static final int PAGE = 500;

    private final KeyValueStore<Bytes, byte[]> rocks;
    private final OpenStores stores;
    // RocksDB is native code: nobody may be inside while it closes.
    private final ReadWriteLock lifecycle = new ReentrantReadWriteLock();
    private Optional<Runnable> whenClosed = Optional.empty();
    private boolean open;

    /**
     * @param stores is told when it opens and closes
     */
    GuardedStore(KeyValueStore<Bytes, byte[]> rocks, OpenStores stores) {
        this.rocks = rocks;
        this.stores = stores;
    }

    @Override
    @SuppressWarnings("unchecked") // the builder makes it of these types
    public void init(StateStoreContext context, StateStore root) {
        rocks.init(new RestoreHookContext(context, this::shared), root);
        SessionView view = new SessionView(this, (ReadOnlyKeyValueStore<Bytes, byte[]>) root);
        int partition = context.taskId().partition();
        exclusive(() -> {
            open = true;
            whenClosed = Optional.of(() -> stores.closed(partition, view));
        });
        stores.opened(partition, view);
    }

    /** What is restored is written by the store's own callback, past the cache and the transaction. */
    private StateRestoreCallback shared(StateRestoreCallback own) {
        RecordBatchingStateRestoreCallback write = StateRestoreCallbackAdapter.adapt(own);
        return (RecordBatchingStateRestoreCallback) records -> shared(() -> {
            write.restoreBatch(records);
            return true;
        });
    }

    /**
     * Every key, page by page, from any thread.
     *
     * @throws StoreClosedException when the task has gone
     */
    void forEachKey(Consumer<Bytes> consumer) {
        Bytes end = StoreKeys.after((byte) 'z');
        Bytes next = Bytes.wrap(new byte[0]);
        List<Bytes> page;
        do {
            page = keys(next, end);
            page.forEach(consumer);
            next = page.isEmpty() ? next : StoreKeys.successor(page.get(page.size() - 1));
        } while (page.size() == PAGE);
    }

    private List<Bytes> keys(Bytes from, Bytes to) {
        return shared(() -> {
            if (!open) {
                throw new StoreClosedException(name());
            }
            List<Bytes> keys = new ArrayList<>();
            try (KeyValueIterator<Bytes, byte[]> iterator = rocks.range(from, to)) {
                while (keys.size() < PAGE && iterator.hasNext()) {
                    keys.add(iterator.next().key);
                }
            }
            return keys;
        });
    }

    private <T> T shared(Supplier<T> work) {
        Lock shared = lifecycle.readLock();
        shared.lock();
        try {
            return work.get();
        } finally {
            shared.unlock();
        }
    }

    private void exclusive(Runnable work) {
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
            whenClosed.ifPresent(Runnable::run);
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
