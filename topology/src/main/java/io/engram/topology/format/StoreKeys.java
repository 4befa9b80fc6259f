package io.engram.topology.format;

import io.engram.schemas.Lane;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;

/** The keys of the store. A memory space holds no zero byte, so {@code space 00} is unambiguous. */
public final class StoreKeys {
    public static final byte MEMORY = 'm';
    public static final byte TOMBSTONE = 't';
    public static final byte SESSION = 's';
    static final byte RETIRED = 'r';
    static final byte TIME = 'e';
    static final byte DEFERRED = 'd';
    public static final byte SPACE = 'p';
    static final byte SIZE = 'c';
    public static final byte LARGE = 'l';
    static final byte RETENTION = 'k';
    static final byte DUE = 'u';
    public static final Bytes REVIEW = Bytes.wrap(new byte[] {'v'});
    public static final Bytes GENERATION = Bytes.wrap(new byte[] {'g'});
    public static final Bytes ACKNOWLEDGED = Bytes.wrap(new byte[] {'a'});
    public static final Bytes POSITIONS = Bytes.wrap(new byte[] {'o'});

    /** Of the store itself, and never in Kafka, as is the journal; behind all that is. */
    public static final Bytes IDENTITY = Bytes.wrap(new byte[] {'y'});

    /** How far the journal of what is stored goes; of the store itself, too. */
    public static final Bytes REACHED = Bytes.wrap(new byte[] {'y', 'r'});

    /** Behind all others: who reads to the end of another prefix must not pass over what was trimmed here. */
    public static final byte JOURNAL = 'z';

    private static final byte FENCE = (byte) 0xfe;
    private static final int DUE_SUBJECT = 2 + Long.BYTES;

    private StoreKeys() {}

    /** Where a memory is, or the tombstone of a forgotten one. */
    public static Bytes memory(String space, String id) {
        return key(MEMORY, space + '\0' + id);
    }

    /** Big-endian time first, so that keys sort by it. */
    public static Bytes tombstone(long timeMs, String space, String id) {
        byte[] text = (space + '\0' + id).getBytes(StandardCharsets.UTF_8);
        return Bytes.wrap(ByteBuffer.allocate(1 + Long.BYTES + text.length)
                .put(TOMBSTONE)
                .putLong(timeMs)
                .put(text)
                .array());
    }

    /** The memory that a tombstone's key speaks of. */
    public static MemoryKey memoryOfTombstone(byte[] key) {
        int at = 1 + Long.BYTES;
        String body = new String(key, at, key.length - at, StandardCharsets.UTF_8);
        int zero = body.indexOf('\0');
        return new MemoryKey(body.substring(0, zero), body.substring(zero + 1));
    }

    /** Where the {@link SessionState} of a session is. */
    public static Bytes session(String space, Lane lane, String session) {
        return key(SESSION, space + '\0' + lane.label() + '\0' + session);
    }

    /** An earlier incarnation of a session; all of a session sort by it. */
    public static Bytes retired(String space, Lane lane, String session, long incarnation) {
        byte[] text = (space + '\0' + lane.label() + '\0' + session + '\0').getBytes(StandardCharsets.UTF_8);
        return Bytes.wrap(ByteBuffer.allocate(1 + text.length + Long.BYTES)
                .put(RETIRED)
                .put(text)
                .putLong(incarnation)
                .array());
    }

    /** Big-endian number, so that a lane's chunks sort by their offsets. */
    public static Bytes deferred(Lane lane, long chunk) {
        return Bytes.wrap(ByteBuffer.allocate(2 + Long.BYTES)
                .put(DEFERRED)
                .put((byte) lane.ordinal())
                .putLong(chunk)
                .array());
    }

    /** The first key after a lane's deferred offsets. */
    public static Bytes afterDeferred(Lane lane) {
        return Bytes.wrap(new byte[] {DEFERRED, (byte) (lane.ordinal() + 1)});
    }

    /** The number of the chunk that a key of {@link #deferred} speaks of. */
    public static long chunkOf(byte[] key) {
        return ByteBuffer.wrap(key).getLong(2);
    }

    /** Big-endian time within the space, so that a space's memories sort by it. */
    public static Bytes time(String space, long timeMs, String id) {
        byte[] start = (space + '\0').getBytes(StandardCharsets.UTF_8);
        byte[] end = id.getBytes(StandardCharsets.UTF_8);
        return Bytes.wrap(ByteBuffer.allocate(1 + start.length + Long.BYTES + end.length)
                .put(TIME)
                .put(start)
                .putLong(timeMs)
                .put(end)
                .array());
    }

    /** The time that a key of {@link #time} speaks of. */
    public static long timeOf(byte[] key, String space) {
        return ByteBuffer.wrap(key).getLong(1 + space.length() + 1);
    }

    /** The id that a key of {@link #time} speaks of. */
    public static String idOfTime(byte[] key, String space) {
        int at = 1 + space.length() + 1 + Long.BYTES;
        return new String(key, at, key.length - at, StandardCharsets.UTF_8);
    }

    /** The first key after a space's times. */
    public static Bytes afterTimes(String space) {
        return key(TIME, space + '\1');
    }

    /** Where the {@link SpaceRecord} of a space is. */
    public static Bytes space(String space) {
        return key(SPACE, space);
    }

    /** Where the {@link SpaceSize} of a space is. */
    public static Bytes size(String space) {
        return key(SIZE, space);
    }

    /** There while the space is large: these are found without looking at the others. */
    public static Bytes large(String space) {
        return key(LARGE, space);
    }

    /** The first key after the spaces whose names begin with a prefix: no name holds a byte above {@code 7f}. */
    public static Bytes afterSpaces(String prefix) {
        return key(SPACE, prefix + '\u007f');
    }

    /** Where the {@link RetentionState} of a space is. */
    public static Bytes retention(String space) {
        return key(RETENTION, space);
    }

    /**
     * Kind first, since each kind goes by a clock of its own; then big-endian time, so that what is due first of a kind is
     * its first key.
     *
     * @param time 0 or more
     */
    public static Bytes due(DueKind kind, long time, String subject) {
        byte[] text = subject.getBytes(StandardCharsets.UTF_8);
        return Bytes.wrap(ByteBuffer.allocate(DUE_SUBJECT + text.length)
                .put(DUE)
                .put(kind.code())
                .putLong(time)
                .put(text)
                .array());
    }

    /** The fence after a kind's keys. */
    public static Bytes afterDue(DueKind kind) {
        return Bytes.wrap(new byte[] {DUE, kind.code(), FENCE});
    }

    /** The fence after the keys of a prefix, none of which has such a byte next. */
    public static Bytes fence(byte prefix) {
        return Bytes.wrap(new byte[] {prefix, FENCE});
    }

    /**
     * Keys that are always there, behind what is read again and again and may be empty. A store that is asked for the next key
     * passes over all that were deleted until it finds one, whatever the end of the range: it finds a fence. There are two
     * behind each other, for an iterator of Streams has gone on to the second when it hands out the first.
     */
    public static List<Bytes> fences() {
        return fences(List.of(DEFERRED, TOMBSTONE), DueKind.OF_SPACES);
    }

    /** As {@link #fences}, of what is kept of sessions. */
    public static List<Bytes> fencesOfSessions() {
        return fences(List.of(RETIRED, SESSION), DueKind.OF_SESSIONS);
    }

    private static List<Bytes> fences(List<Byte> prefixes, List<DueKind> kinds) {
        List<Bytes> first = new ArrayList<>();
        prefixes.forEach(prefix -> first.add(fence(prefix)));
        kinds.forEach(kind -> first.add(afterDue(kind)));
        List<Bytes> fences = new ArrayList<>(first);
        for (Bytes fence : first) {
            byte[] second = fence.get().clone();
            second[second.length - 1]++;
            fences.add(Bytes.wrap(second));
        }
        return fences;
    }

    /**
     * Keys that are there while anything is known of a space: before its memories, and before their times while it has a
     * retention. Who reads the space before it ends there, however much was deleted behind. Of the store itself, like the journal.
     *
     * @param record of the space; empty once nothing is known of it any more
     * @return key and value of each, with no value for those to be deleted
     */
    public static List<KeyValue<Bytes, byte[]>> fencesOf(String space, Optional<SpaceRecord> record) {
        Bytes memories = key(MEMORY, space);
        Bytes times = key(TIME, space);
        if (record.isEmpty()) {
            return List.of(KeyValue.pair(memories, null), KeyValue.pair(times, null));
        }
        KeyValue<Bytes, byte[]> first = KeyValue.pair(memories, new byte[0]);
        return record.get().isRetained() ? List.of(first, KeyValue.pair(times, new byte[0])) : List.of(first);
    }

    /** True for keys of {@link #fencesOf}: those of memories and times have a zero byte behind the space. */
    public static boolean isFenceOfSpace(byte[] key) {
        if (key.length == 0 || key[0] != MEMORY && key[0] != TIME) {
            return false;
        }
        for (byte each : key) {
            if (each == 0) {
                return false;
            }
        }
        return true;
    }

    /** The time that a key of {@link #due} speaks of. */
    public static long timeOfDue(byte[] key) {
        return ByteBuffer.wrap(key).getLong(2);
    }

    /** The space or the session that a key of {@link #due} speaks of. */
    public static String subjectOfDue(byte[] key) {
        return new String(key, DUE_SUBJECT, key.length - DUE_SUBJECT, StandardCharsets.UTF_8);
    }

    /**
     * True when the key is the store's own, its identity, of its journal or a fence of a space: in no changelog, whatever
     * happens.
     */
    public static boolean isLocal(byte[] storeKey) {
        return storeKey.length > 0 && (storeKey[0] == IDENTITY.get()[0] || storeKey[0] == JOURNAL)
                || isFenceOfSpace(storeKey);
    }

    /** Big-endian epoch and number, so that changes sort as they happened. */
    public static Bytes journal(JournalPosition position) {
        return Bytes.wrap(ByteBuffer.allocate(1 + 2 * Long.BYTES)
                .put(JOURNAL)
                .putLong(position.epoch())
                .putLong(position.number())
                .array());
    }

    /** The first key of a prefix. */
    public static Bytes first(byte prefix) {
        return Bytes.wrap(new byte[] {prefix});
    }

    /** The first key after a prefix. */
    public static Bytes after(byte prefix) {
        return Bytes.wrap(new byte[] {(byte) (prefix + 1)});
    }

    /** The first key of a space's memories. */
    public static Bytes firstMemory(String space) {
        return key(MEMORY, space + '\0');
    }

    /** The first key after a space's memories. */
    public static Bytes afterMemories(String space) {
        return key(MEMORY, space + '\1');
    }

    /** The smallest key after this one: the same with a zero byte behind it. */
    public static Bytes successor(Bytes key) {
        return Bytes.wrap(Arrays.copyOf(key.get(), key.get().length + 1));
    }

    /** What stands behind the prefix byte. */
    public static String body(byte[] key) {
        return new String(key, 1, key.length - 1, StandardCharsets.UTF_8);
    }

    private static Bytes key(byte prefix, String body) {
        byte[] text = body.getBytes(StandardCharsets.UTF_8);
        byte[] key = new byte[text.length + 1];
        key[0] = prefix;
        System.arraycopy(text, 0, key, 1, text.length);
        return Bytes.wrap(key);
    }
}
