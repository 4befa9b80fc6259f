package io.engram.topology.store;

import io.engram.topology.format.DueKind;
import io.engram.topology.format.StoreKeys;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The spaces or sessions with which something is to be done, in order of time, as keys of the store; so they are in its changelog
 * and on standbys. Only the front is read, and nothing at all while nothing is due.
 *
 * <pre>
 * deleted │ front ●────●──●─────●────────●──→ time
 *                 └ due ┘  └ nextTime: nothing is due before it
 * </pre>
 *
 * RocksDB is slow to pass over keys that were deleted, so the front never goes back: what is put before it is put behind what is
 * due already, and is due there all the same. For what is to be done at once the time is a round: what is put again comes after all
 * that waits, so spaces take turns. Belongs to the stream thread.
 */
public final class DueQueue {
    /** Until this time everything is due: for kinds whose time is a round. */
    public static final long AT_ONCE = Long.MAX_VALUE - 1;

    private final Supplier<KeyValueStore<Bytes, byte[]>> store;
    private final DueKind kind;
    // No key of the kind is before it.
    private Bytes front;
    // No key is put before it: those before it may have been handed out, and are done in their order.
    private Bytes floor;
    // No key of the kind has an earlier time.
    private long nextTime;

    DueQueue(Supplier<KeyValueStore<Bytes, byte[]>> store, DueKind kind) {
        this.store = store;
        this.kind = kind;
        this.front = StoreKeys.due(kind, 0, "");
        this.floor = front;
    }

    /**
     * Something is to be done.
     *
     * @param time of the key
     * @param subject the space, or what tells the session, with which it is
     */
    public record Due(long time, String subject, byte[] value) {}

    /**
     * Something is to be done with the subject at that time.
     *
     * @param time epoch ms, or 0 for at once
     * @return the time of its key, which may be later
     */
    public long put(long time, String subject, byte[] value) {
        long at = Math.max(time, StoreKeys.timeOfDue(floor.get()));
        Bytes key = StoreKeys.due(kind, at, subject);
        if (key.compareTo(floor) < 0) {
            at++;
            key = StoreKeys.due(kind, at, subject);
        }
        store.get().put(key, value);
        nextTime = Math.min(nextTime, at);
        return at;
    }

    /**
     * Up to {@code max} of what is due until that time (inclusive), the earliest first; each is to be {@link #done} in order.
     *
     * @param max 1 or more
     */
    public List<Due> until(long time, int max) {
        if (max < 1) {
            throw new IllegalArgumentException("max < 1: " + max);
        }
        if (time < nextTime) {
            return List.of();
        }
        Bytes end = StoreKeys.afterDue(kind);
        List<Due> due = new ArrayList<>();
        nextTime = Long.MAX_VALUE;
        try (KeyValueIterator<Bytes, byte[]> iterator = store.get().range(front, end)) {
            while (due.size() < max && iterator.hasNext()) {
                KeyValue<Bytes, byte[]> entry = iterator.next();
                if (entry.key.compareTo(end) >= 0) {
                    break;
                }
                long at = StoreKeys.timeOfDue(entry.key.get());
                nextTime = Math.min(nextTime, at);
                if (at > time) {
                    break;
                }
                due.add(due(entry));
            }
        }
        advance(time, due);
        return due;
    }

    private void advance(long time, List<Due> due) {
        if (!due.isEmpty()) {
            Due last = due.get(due.size() - 1);
            front = later(
                    front, StoreKeys.due(kind, due.get(0).time(), due.get(0).subject()));
            floor = later(floor, StoreKeys.successor(StoreKeys.due(kind, last.time(), last.subject())));
        } else if (time < AT_ONCE) {
            front = later(front, StoreKeys.due(kind, time + 1, ""));
            floor = later(floor, front);
        }
    }

    private static Bytes later(Bytes a, Bytes b) {
        return a.compareTo(b) < 0 ? b : a;
    }

    /**
     * Up to {@code max} keys of a span of time (inclusive), due or not, the earliest first; none is handed out.
     *
     * @param after begins behind this one; empty for the beginning of the span
     */
    List<Due> between(Optional<Due> after, long fromMs, long untilMs, int max) {
        Bytes from = after.map(due -> StoreKeys.successor(StoreKeys.due(kind, due.time(), due.subject())))
                .orElse(StoreKeys.due(kind, fromMs, ""));
        Bytes end = StoreKeys.due(kind, untilMs + 1, "");
        List<Due> due = new ArrayList<>();
        try (KeyValueIterator<Bytes, byte[]> iterator = store.get().range(from, end)) {
            while (due.size() < max && iterator.hasNext()) {
                KeyValue<Bytes, byte[]> entry = iterator.next();
                if (entry.key.compareTo(end) >= 0) {
                    break;
                }
                due.add(due(entry));
            }
        }
        return due;
    }

    /** Time of the last key; empty when there is none. */
    OptionalLong latestTime() {
        Bytes end = StoreKeys.afterDue(kind);
        try (KeyValueIterator<Bytes, byte[]> iterator = store.get().reverseRange(front, end)) {
            while (iterator.hasNext()) {
                Bytes key = iterator.next().key;
                if (key.compareTo(end) < 0) {
                    return OptionalLong.of(StoreKeys.timeOfDue(key.get()));
                }
            }
        }
        return OptionalLong.empty();
    }

    private static Due due(KeyValue<Bytes, byte[]> entry) {
        byte[] key = entry.key.get();
        return new Due(StoreKeys.timeOfDue(key), StoreKeys.subjectOfDue(key), entry.value);
    }

    /** What was due first is done, or put again at another time. */
    public void done(Due due) {
        Bytes key = StoreKeys.due(kind, due.time(), due.subject());
        store.get().put(key, null);
        front = StoreKeys.successor(key);
    }

    /** Nothing is to be done with the subject at that time after all. */
    public void delete(long time, String subject) {
        store.get().put(StoreKeys.due(kind, time, subject), null);
    }
}
