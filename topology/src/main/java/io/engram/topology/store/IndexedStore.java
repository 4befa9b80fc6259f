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
import java.util.function.BiConsumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
import org.apache.kafka.streams.processor.internals.StateRestoreCallbackAdapter;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The innermost store of a task: RocksDB, the journal of what changed in it, and the indexes that follow it.
 *
 * <pre>
 * stream thread → metering → changelog → IndexedStore → RocksDB        (the processor hands changes to the index)
 * changelog (restore, standby) ————————→ IndexedStore → RocksDB, index (here)
 * recall, index workers, loader ———————→ IndexedStore.read, scan       (guarded against close)
 * </pre>
 *
 * The store methods belong to the thread that owns the task; {@link #read} and {@link #scan} are thread-safe.
 */
final class IndexedStore extends GuardedStore implements FollowedStore {
    private final IndexFactory indexFactory;
    private final IndexLoader loader;
    private final Flushes flushes;
    private final MemoryView view;
    private volatile Optional<PartitionIndex> index = Optional.empty();
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
        super(rocks);
        this.view = new MemoryView(this, retention, clock);
        this.indexFactory = indexFactory;
        this.loader = loader;
        this.flushes = flushes;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        open(context, root, this::following);
        IndexFiles files = indexFactory.files(context);
        // Of this RocksDB alone: beside it is that of the task's other store, whose flushes say nothing of this one.
        directory = context.stateDir().toPath().resolve("rocksdb").resolve(name());
        journal = new Journal(
                identify(files),
                Optional.ofNullable(get(StoreKeys.REACHED))
                        .map(JournalPosition::decode)
                        .orElse(JournalPosition.START));
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
        Optional<byte[]> stored = Optional.ofNullable(get(StoreKeys.IDENTITY));
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
                own.restoreBatch(withLocal(records));
                return true;
            });
            records.forEach(record -> follow(Bytes.wrap(record.key()), Optional.ofNullable(record.value())));
            shared(() -> {
                journal.commit(watched.sequence());
                return true;
            });
        };
    }

    private Collection<ConsumerRecord<byte[], byte[]>> withLocal(Collection<ConsumerRecord<byte[], byte[]>> records) {
        List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>(records);
        for (ConsumerRecord<byte[], byte[]> record : records) {
            for (KeyValue<Bytes, byte[]> entry : localEntries(record.key(), Optional.ofNullable(record.value()))) {
                all.add(new ConsumerRecord<>(
                        record.topic(), record.partition(), record.offset(), entry.key.get(), entry.value));
            }
        }
        journal.advance().ifPresent(position -> all.add(local(StoreKeys.REACHED, position.encode())));
        return all;
    }

    /** What is written beside a change and never was in Kafka. */
    private List<KeyValue<Bytes, byte[]>> localEntries(byte[] key, Optional<byte[]> value) {
        return key[0] == StoreKeys.SPACE
                ? StoreKeys.fencesOf(StoreKeys.body(key), value.map(SpaceRecord::decode))
                : journalEntry(key).map(List::of).orElse(List.of());
    }

    /** What the journal says of a change; empty when no index follows it. */
    private Optional<KeyValue<Bytes, byte[]>> journalEntry(byte[] key) {
        if (key[0] != StoreKeys.MEMORY || index().spaces().isEmpty()) {
            return Optional.empty();
        }
        MemoryKey memory = MemoryKey.of(key);
        return index().find(memory.space()).map(follower -> {
            long number = journal.add();
            follower.changed(number, memory.id());
            return KeyValue.pair(journal.key(number), Journal.value(key));
        });
    }

    private void putLocal(Bytes key, byte[] value) {
        localEntries(key.get(), Optional.ofNullable(value)).forEach(entry -> super.put(entry.key, entry.value));
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

    @Override
    public void close() {
        index.ifPresent(loader::closed);
        exclusive(() -> {
            super.close();
            if (watched != null) {
                flushes.closed(directory, watched);
            }
        });
    }

    @Override
    public void commit(Map<TopicPartition, Long> changelogOffsets) {
        shared(() -> {
            List<KeyValue<Bytes, byte[]>> dead = journal.trim(this::scanShared);
            if (!dead.isEmpty()) {
                super.putAll(dead);
            }
            journal.advance().ifPresent(position -> super.put(StoreKeys.REACHED, position.encode()));
            super.commit(changelogOffsets);
            journal.commit(watched.sequence());
            return true;
        });
    }

    @Override
    public void put(Bytes key, byte[] value) {
        shared(() -> {
            super.put(key, value);
            putLocal(key, value);
            return true;
        });
    }

    @Override
    public byte[] putIfAbsent(Bytes key, byte[] value) {
        return shared(() -> {
            byte[] before = super.putIfAbsent(key, value);
            putLocal(key, before == null ? value : before);
            return before;
        });
    }

    @Override
    public void putAll(List<KeyValue<Bytes, byte[]>> entries) {
        shared(() -> {
            super.putAll(entries);
            entries.forEach(entry -> putLocal(entry.key, entry.value));
            return true;
        });
    }

    @Override
    public byte[] delete(Bytes key) {
        return shared(() -> {
            byte[] before = super.delete(key);
            putLocal(key, null);
            return before;
        });
    }
}
