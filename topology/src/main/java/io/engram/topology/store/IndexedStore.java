package io.engram.topology.store;

import io.engram.topology.follow.FollowedStore;
import io.engram.topology.follow.IndexFiles;
import io.engram.topology.follow.IndexLoader;
import io.engram.topology.follow.PartitionIndex;
import io.engram.topology.follow.StoredValues;
import io.engram.topology.format.JournalPosition;
import io.engram.topology.format.LargeMark;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.progress.LanePositions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
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
 * The innermost store of a task: RocksDB, the journal of what changed in it, and the indexes that follow it.
 *
 * <pre>
 * stream thread → metering → changelog → IndexedStore → RocksDB        (the processor hands changes to the index)
 * changelog (restore, standby) ————————→ IndexedStore → RocksDB, index (here)
 * recall, index workers, loader ———————→ IndexedStore.read, scan       (guarded against close)
 * </pre>
 *
 * The store methods belong to the thread that owns the task; {@link #read} and {@link #scan} are thread-safe. Every one of
 * them waits for ever once the store is sealed.
 */
final class IndexedStore implements KeyValueStore<Bytes, byte[]>, FollowedStore, OpenStores.Sealable {
    private static final int PAGE = 500;

    private final KeyValueStore<Bytes, byte[]> rocks;
    private final IndexFactory indexFactory;
    private final IndexLoader loader;
    private final Flushes flushes;
    private final MemoryView view;
    // RocksDB is native code: nobody may be inside while it closes.
    private final ReadWriteLock lifecycle = new ReentrantReadWriteLock();
    private volatile Optional<PartitionIndex> index = Optional.empty();
    private volatile boolean open;
    // Of the opening that lasts; they belong to the thread that owns the task.
    private RecordBatchingStateRestoreCallback own = records -> {};
    private Journal journal;
    private Flushes.Watched watched;
    private Path directory;

    /** Makes the index of a store that has been opened. */
    interface IndexFactory {
        /**
         * @param files of the indexes of the task
         * @param journal of the store
         */
        PartitionIndex make(TaskId task, IndexedStore store, IndexFiles files, Journal journal);

        /** The files of the indexes of a task. */
        IndexFiles files(StateStoreContext context);
    }

    IndexedStore(
            KeyValueStore<Bytes, byte[]> rocks,
            IndexFactory indexFactory,
            IndexLoader loader,
            Flushes flushes,
            RetentionConfig retention,
            BrokerClock clock) {
        this.rocks = rocks;
        this.view = new MemoryView(this, retention, clock);
        this.indexFactory = indexFactory;
        this.loader = loader;
        this.flushes = flushes;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        rocks.init(new RestoreHookContext(context, this::following), root);
        open = true;
        IndexFiles files = indexFactory.files(context);
        // Of this RocksDB alone: beside it is that of the task's other store, whose flushes say nothing of this one.
        directory = context.stateDir().toPath().resolve("rocksdb").resolve(name());
        journal = new Journal(identify(files));
        watched = flushes.opened(directory, journal);
        PartitionIndex opened = indexFactory.make(context.taskId(), this, files, journal);
        forEach(StoreKeys.first(StoreKeys.LARGE), StoreKeys.after(StoreKeys.LARGE), entry -> {
            LargeMark mark = LargeMark.decode(entry.value);
            opened.large(StoreKeys.body(entry.key.get()), mark.since(), mark.dimension());
        });
        index = Optional.of(opened);
        loader.opened(this, opened);
    }

    private StoreIdentity identify(IndexFiles files) {
        Optional<byte[]> stored = Optional.ofNullable(rocks.get(StoreKeys.IDENTITY));
        StoreIdentity identity = StoreIdentity.open(files.identity(), stored);
        if (stored.isEmpty() || !Arrays.equals(stored.get(), identity.key())) {
            // Past any transaction: it must not go with one that fails.
            own.restoreBatch(List.of(local(StoreKeys.IDENTITY, identity.key())));
        }
        return identity;
    }

    /** What is written like a restored record, but never was in Kafka. */
    private static ConsumerRecord<byte[], byte[]> local(Bytes key, byte[] value) {
        return new ConsumerRecord<>("", 0, 0, key.get(), value);
    }

    MemoryView view() {
        return view;
    }

    /** The index of the partition; there from {@link #init} on. */
    PartitionIndex index() {
        return index.orElseThrow(() -> new StoredValues.StoreClosedException(name()));
    }

    /**
     * What is restored is committed: the store's own callback writes it past the transaction, together with the changelog
     * offsets. Streams keeps callbacks for whole batches of records to itself.
     */
    private StateRestoreCallback following(StateRestoreCallback callback) {
        own = StateRestoreCallbackAdapter.adapt(callback);
        return (RecordBatchingStateRestoreCallback) records -> {
            shared(() -> {
                own.restoreBatch(withJournal(records));
                return true;
            });
            records.forEach(record -> follow(Bytes.wrap(record.key()), Optional.ofNullable(record.value())));
            shared(() -> {
                journal.commit(watched.sequence());
                return true;
            });
        };
    }

    private Collection<ConsumerRecord<byte[], byte[]>> withJournal(Collection<ConsumerRecord<byte[], byte[]>> records) {
        List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>(records);
        for (ConsumerRecord<byte[], byte[]> record : records) {
            journalEntry(record.key())
                    .ifPresent(entry -> all.add(new ConsumerRecord<>(
                            record.topic(), record.partition(), record.offset(), entry.key.get(), entry.value)));
        }
        return all;
    }

    /** What the journal says of a change; empty when no index follows it. */
    private Optional<KeyValue<Bytes, byte[]>> journalEntry(byte[] key) {
        if (key[0] != StoreKeys.MEMORY) {
            return Optional.empty();
        }
        MemoryKey memory = MemoryKey.of(key);
        return index().find(memory.space()).map(follower -> {
            long number = journal.add();
            follower.changed(number, memory.id());
            return KeyValue.pair(journal.key(number), Journal.value(key));
        });
    }

    private void journal(Bytes key) {
        journalEntry(key.get()).ifPresent(entry -> rocks.put(entry.key, entry.value));
    }

    @Override
    public void replay(JournalPosition after, BiConsumer<JournalPosition, MemoryKey> each) {
        forEach(StoreKeys.successor(StoreKeys.journal(after)), StoreKeys.after(StoreKeys.JOURNAL), stored -> {
            Journal.Entry entry = Journal.Entry.of(stored);
            each.accept(entry.position(), entry.memory());
        });
    }

    @Override
    public boolean hides(String space, StoredMemory memory) {
        return view.space(space).hides(memory);
    }

    private void follow(Bytes key, Optional<byte[]> value) {
        byte[] raw = key.get();
        if (raw[0] == StoreKeys.MEMORY) {
            MemoryKey memory = MemoryKey.of(raw);
            Optional<StoredMemory> stored = value.map(StoredMemory::of).filter(found -> !found.isTombstone());
            if (stored.isPresent()) {
                StoredMemory found = stored.get();
                index().restore(memory.space(), memory.id(), found.generation(), found.embedding());
            } else {
                index().forgotten(memory.space(), memory.id());
            }
        } else if (raw[0] == StoreKeys.SPACE
                && value.map(SpaceRecord::decode).stream().noneMatch(record -> record.exists() || record.isSwept())) {
            // It was dropped; that it is swept by now takes nothing more from the index.
            index().drop(StoreKeys.body(raw));
        } else if (raw[0] == StoreKeys.LARGE) {
            if (value.isPresent()) {
                grown(StoreKeys.body(raw), LargeMark.decode(value.get()));
            } else {
                index().drop(StoreKeys.body(raw));
            }
        } else if (raw[0] == StoreKeys.POSITIONS.get()[0]) {
            value.map(LanePositions::decode).ifPresent(positions -> index().restoredTo(positions));
        }
    }

    /** The space became large: it gets an index, and what is stored of it is handed over. */
    void grown(String space, LargeMark mark) {
        if (index().grow(space, mark.since(), mark.dimension())) {
            loader.handOver(this, index(), space);
        }
    }

    /**
     * The value of a key as it is now, from any thread.
     *
     * @throws StoredValues.StoreClosedException when the task has gone
     */
    public Optional<byte[]> read(Bytes key) {
        return guarded(() -> Optional.ofNullable(rocks.get(key)));
    }

    /** Up to {@code max} entries from {@code from} (inclusive) to {@code to} (exclusive), from any thread. */
    public List<KeyValue<Bytes, byte[]>> scan(Bytes from, Bytes to, int max) {
        return guarded(() -> scanShared(from, to, max));
    }

    private List<KeyValue<Bytes, byte[]>> scanShared(Bytes from, Bytes to, int max) {
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
                throw new StoredValues.StoreClosedException(name());
            }
            return reading.get();
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
        index.ifPresent(loader::closed);
        lifecycle.writeLock().lock();
        try {
            open = false;
            rocks.close();
            if (watched != null) {
                flushes.closed(directory, watched);
            }
        } finally {
            lifecycle.writeLock().unlock();
        }
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
            List<KeyValue<Bytes, byte[]>> dead = journal.trim(this::scanShared);
            if (!dead.isEmpty()) {
                rocks.putAll(dead);
            }
            rocks.commit(changelogOffsets);
            journal.commit(watched.sequence());
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
            journal(key);
            return true;
        });
    }

    @Override
    public byte[] putIfAbsent(Bytes key, byte[] value) {
        return shared(() -> {
            byte[] before = rocks.putIfAbsent(key, value);
            journal(key);
            return before;
        });
    }

    @Override
    public void putAll(List<KeyValue<Bytes, byte[]>> entries) {
        shared(() -> {
            rocks.putAll(entries);
            entries.forEach(entry -> journal(entry.key));
            return true;
        });
    }

    @Override
    public byte[] delete(Bytes key) {
        return shared(() -> {
            byte[] before = rocks.delete(key);
            journal(key);
            return before;
        });
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
