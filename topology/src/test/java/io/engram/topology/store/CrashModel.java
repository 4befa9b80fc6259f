package io.engram.topology.store;

import io.engram.topology.format.StoreKeys;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * A store with a changelog that does what RocksDB under Kafka Streams does with transactions and crashes, quickly enough for
 * thousands of them:
 *
 * <pre>
 * put ──→ staged ── commit ──→ committed, changelog ── flush ──→ flushed
 *           └ abort: gone         └ kill: back to what was flushed; the changelog keeps it
 * </pre>
 *
 * One thread at a time changes it; reads are synchronized with that.
 */
final class CrashModel implements KeyValueStore<Bytes, byte[]> {
    private final Path taskDirectory;
    private final List<KeyValue<Bytes, Optional<byte[]>>> changelog;
    private final TreeMap<Bytes, byte[]> flushed;
    private final TreeMap<Bytes, byte[]> committed;
    private final TreeMap<Bytes, Optional<byte[]>> staged = new TreeMap<>();
    private final List<KeyValue<Bytes, Optional<byte[]>>> transaction = new ArrayList<>();
    private final Flushes flushes;
    private int flushedOffset;
    private int committedOffset;
    private long sequence;
    private boolean open;
    private RecordBatchingStateRestoreCallback restore = records -> {};

    /** A disk and a changelog without anything. */
    CrashModel(Path taskDirectory, Flushes flushes) {
        this(taskDirectory, flushes, new ArrayList<>(), new TreeMap<>(), 0);
    }

    private CrashModel(
            Path taskDirectory,
            Flushes flushes,
            List<KeyValue<Bytes, Optional<byte[]>>> changelog,
            TreeMap<Bytes, byte[]> disk,
            int offset) {
        this.taskDirectory = taskDirectory;
        this.flushes = flushes;
        this.changelog = changelog;
        this.flushed = new TreeMap<>(disk);
        this.committed = new TreeMap<>(disk);
        this.flushedOffset = offset;
        this.committedOffset = offset;
    }

    /** What is there after a crash of the process: its disk and its changelog. */
    CrashModel killed() {
        return new CrashModel(taskDirectory, flushes, changelog, flushed, flushedOffset);
    }

    /** What is there after it was closed, and what was staged thrown away. */
    CrashModel closed() {
        return new CrashModel(taskDirectory, flushes, changelog, committed, committedOffset);
    }

    /** Gives the next records of the changelog, up to so many; false when there are none. */
    boolean restoreNext(int max) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        while (records.size() < max && committedOffset + records.size() < changelog.size()) {
            int offset = committedOffset + records.size();
            KeyValue<Bytes, Optional<byte[]>> entry = changelog.get(offset);
            records.add(new ConsumerRecord<>("changelog", 0, offset, entry.key.get(), entry.value.orElse(null)));
        }
        committedOffset += records.size();
        if (!records.isEmpty()) {
            restore.restoreBatch(records);
        }
        return committedOffset < changelog.size();
    }

    /** Everything that was committed reaches the disk. */
    void memtableWritten() {
        synchronized (this) {
            flushed.clear();
            flushed.putAll(committed);
            flushedOffset = committedOffset;
        }
        long reached = sequence;
        flushed(name(), reached);
    }

    /** RocksDB of a store of the task has written all up to a sequence number of its own to a file. */
    private void flushed(String store, long reached) {
        flushes.completed(taskDirectory.resolve("rocksdb").resolve(store).resolve("1.sst"), reached, () -> sequence);
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        open = true;
        context.register(root, (RecordBatchingStateRestoreCallback) this::written);
    }

    private synchronized void written(Collection<ConsumerRecord<byte[], byte[]>> records) {
        for (ConsumerRecord<byte[], byte[]> record : records) {
            Bytes key = Bytes.wrap(record.key());
            if (record.value() == null) {
                committed.remove(key);
            } else {
                committed.put(key, record.value());
            }
            sequence++;
            // The task's other store is flushed when it likes, which says nothing of this one.
            flushed("sessions", Long.MAX_VALUE);
        }
    }

    /** A context that takes the callback of the store. */
    StateStoreContext context() {
        return (StateStoreContext) Proxy.newProxyInstance(
                CrashModel.class.getClassLoader(),
                new Class<?>[] {StateStoreContext.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "taskId" -> new TaskId(0, 0);
                    case "stateDir" -> taskDirectory.toFile();
                    case "register" -> {
                        restore = (RecordBatchingStateRestoreCallback) arguments[1];
                        yield null;
                    }
                    default -> throw new UnsupportedOperationException(method.toString());
                });
    }

    @Override
    public synchronized void put(Bytes key, byte[] value) {
        staged.put(key, Optional.ofNullable(value));
        if (!StoreKeys.isLocal(key.get())) {
            transaction.add(KeyValue.pair(key, Optional.ofNullable(value)));
        }
    }

    @Override
    public void putAll(List<KeyValue<Bytes, byte[]>> entries) {
        entries.forEach(entry -> put(entry.key, entry.value));
    }

    @Override
    public byte[] putIfAbsent(Bytes key, byte[] value) {
        byte[] before = get(key);
        if (before == null) {
            put(key, value);
        }
        return before;
    }

    @Override
    public byte[] delete(Bytes key) {
        byte[] before = get(key);
        put(key, null);
        return before;
    }

    @Override
    public synchronized void commit(Map<TopicPartition, Long> offsets) {
        staged.forEach((key, value) -> {
            value.ifPresentOrElse(bytes -> committed.put(key, bytes), () -> committed.remove(key));
            sequence++;
        });
        staged.clear();
        changelog.addAll(transaction);
        committedOffset += transaction.size();
        transaction.clear();
    }

    @Override
    public synchronized byte[] get(Bytes key) {
        Optional<byte[]> own = staged.get(key);
        return own == null ? committed.get(key) : own.orElse(null);
    }

    @Override
    public synchronized KeyValueIterator<Bytes, byte[]> range(Bytes from, Bytes to) {
        return iterator(visible().subMap(from, true, to, true));
    }

    @Override
    public synchronized KeyValueIterator<Bytes, byte[]> all() {
        return iterator(visible());
    }

    private NavigableMap<Bytes, byte[]> visible() {
        TreeMap<Bytes, byte[]> entries = new TreeMap<>(committed);
        staged.forEach(
                (key, value) -> value.ifPresentOrElse(bytes -> entries.put(key, bytes), () -> entries.remove(key)));
        return entries;
    }

    private static KeyValueIterator<Bytes, byte[]> iterator(NavigableMap<Bytes, byte[]> entries) {
        Iterator<Map.Entry<Bytes, byte[]>> each = entries.entrySet().iterator();
        return new KeyValueIterator<>() {
            @Override
            public void close() {}

            @Override
            public Bytes peekNextKey() {
                throw new UnsupportedOperationException();
            }

            @Override
            public boolean hasNext() {
                return each.hasNext();
            }

            @Override
            public KeyValue<Bytes, byte[]> next() {
                Map.Entry<Bytes, byte[]> next = each.next();
                return KeyValue.pair(next.getKey(), next.getValue());
            }
        };
    }

    @Override
    public String name() {
        return "model";
    }

    @Override
    public void close() {
        open = false;
    }

    @Override
    public boolean persistent() {
        return true;
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public long approximateNumEntries() {
        return committed.size();
    }
}
