package io.engram.topology.store;

import io.engram.topology.follow.ChangeJournal;
import io.engram.topology.format.JournalPosition;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.StoreKeys;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;

/**
 * The changes of the memories that an index follows, in their order, in the store itself and never in Kafka: a key beside each
 * change, in the same transaction or the same restored batch. Each opening of the store begins an epoch that is never used
 * again, so a store that a crash has taken back to its last flush never gives a number out twice.
 *
 * <pre>
 * z | epoch (8) | number (8)  →  space 00 id
 * </pre>
 *
 * {@link #add} and {@link #commit} belong to the thread that owns the task; everything else is thread-safe.
 */
final class Journal implements ChangeJournal {
    /** Keys that one commit takes away at most. */
    static final int MAX_TRIMMED = 1_000;

    private final StoreIdentity identity;
    private final AtomicReference<JournalPosition> trim = new AtomicReference<>(JournalPosition.START);
    // Numbers up to which all was written, by the sequence number of RocksDB behind it.
    private final ConcurrentSkipListMap<Long, Long> written = new ConcurrentSkipListMap<>();
    private final AtomicLong flushed = new AtomicLong();
    private final JournalPosition survived;
    private long number;
    private long reached;
    private volatile JournalPosition committed;
    private JournalPosition trimmed = JournalPosition.START;

    /**
     * @param survived what the store says under {@link StoreKeys#REACHED}
     */
    Journal(StoreIdentity identity, JournalPosition survived) {
        this.identity = identity;
        this.survived = survived;
        this.committed = new JournalPosition(identity.epoch(), 0);
    }

    /** A change that an index follows. */
    record Entry(JournalPosition position, MemoryKey memory) {
        static Entry of(KeyValue<Bytes, byte[]> stored) {
            ByteBuffer key = ByteBuffer.wrap(stored.key.get());
            key.get();
            String body = new String(stored.value, StandardCharsets.UTF_8);
            int zero = body.indexOf('\0');
            return new Entry(
                    new JournalPosition(key.getLong(), key.getLong()),
                    new MemoryKey(body.substring(0, zero), body.substring(zero + 1)));
        }
    }

    @Override
    public UUID identity() {
        return identity.identity();
    }

    long epoch() {
        return identity.epoch();
    }

    /** The next number, for a change that is being written. */
    long add() {
        return ++number;
    }

    /**
     * What is to be written under {@link StoreKeys#REACHED} together with the changes so far: it is there when they are. Empty
     * when nothing was changed since.
     */
    Optional<JournalPosition> advance() {
        if (reached == number) {
            return Optional.empty();
        }
        reached = number;
        return Optional.of(new JournalPosition(identity.epoch(), number));
    }

    @Override
    public JournalPosition survived() {
        return survived;
    }

    /** The key of a change of this epoch. */
    Bytes key(long ofNumber) {
        return StoreKeys.journal(new JournalPosition(identity.epoch(), ofNumber));
    }

    /** What is stored under {@link #key}: the memory's key without its prefix. */
    static byte[] value(byte[] memoryKey) {
        byte[] value = new byte[memoryKey.length - 1];
        System.arraycopy(memoryKey, 1, value, 0, value.length);
        return value;
    }

    /**
     * Everything up to the last number is written, and handed over.
     *
     * @param sequence of RocksDB behind what is written; less than 0 when it is not known
     */
    void commit(long sequence) {
        committed = new JournalPosition(identity.epoch(), number);
        if (sequence >= 0) {
            written.put(sequence, number);
        }
    }

    /** RocksDB has written to its files what it was told up to that sequence number. */
    void flushed(long sequence) {
        Map.Entry<Long, Long> reached = written.floorEntry(sequence);
        if (reached != null) {
            flushed.accumulateAndGet(reached.getValue(), Math::max);
            written.headMap(reached.getKey(), true).clear();
        }
    }

    @Override
    public JournalPosition committed() {
        return committed;
    }

    @Override
    public long flushed() {
        return flushed.get();
    }

    @Override
    public void trimTo(JournalPosition position) {
        trim.accumulateAndGet(position, (known, given) -> known.compareTo(given) < 0 ? given : known);
    }

    /** What is to be read for the next keys that nobody needs: from (inclusive), to (inclusive). */
    interface Reader {
        /** Up to {@code max} entries, in order. */
        List<KeyValue<Bytes, byte[]>> read(Bytes from, Bytes to, int max);
    }

    /** Some of the keys that nobody needs any more, each with no value: to be written by the owner, before it commits. */
    List<KeyValue<Bytes, byte[]>> trim(Reader reader) {
        JournalPosition to = trim.get();
        if (trimmed.compareTo(to) >= 0) {
            return List.of();
        }
        // From where the last one ended: a search from the start would pass over all that was deleted.
        List<KeyValue<Bytes, byte[]>> dead = new ArrayList<>();
        for (KeyValue<Bytes, byte[]> entry :
                reader.read(StoreKeys.journal(trimmed), StoreKeys.successor(StoreKeys.journal(to)), MAX_TRIMMED)) {
            dead.add(KeyValue.pair(entry.key, null));
            trimmed = Entry.of(entry).position();
        }
        if (dead.size() < MAX_TRIMMED) {
            trimmed = to;
        }
        return dead;
    }
}
