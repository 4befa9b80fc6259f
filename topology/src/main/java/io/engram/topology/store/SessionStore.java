package io.engram.topology.store;

import io.engram.schemas.Lane;
import io.engram.topology.format.AcknowledgedTimes;
import io.engram.topology.format.DueKind;
import io.engram.topology.format.RetiredSession;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.format.StoreKeys;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sessions of a task, typed: where each stands, earlier incarnations of which numbers are open, and when something is
 * to be done with them.
 *
 * <pre>
 * 's' | space 00 lane 00 session                          → {@link SessionState}
 * 'r' | space 00 lane 00 session 00 | incarnation (8)     → {@link RetiredSession}
 * 'a'                                                     → {@link AcknowledgedTimes}
 * 'u' | kind | time (8) | space 00 lane 00 session        → nothing; of a retired one 00 and the incarnation in digits follow
 * </pre>
 *
 * A session that is stored has a key of {@link DueKind#idle}, and one of {@link DueKind#OPEN} while numbers of it are open.
 * Neither is written with each record: they may be early, and then move when their time has come. An idle key also moves when
 * the session is touched and the key is more than {@value #IDLE_KEY_LAG_MS} ms behind, so the sessions that were touched since a
 * time are found without a look at the others; it is never earlier than that before the last touch, and may be later than the
 * last activity, for not every touch is one. Belongs to the stream thread; there is one for as long as the task is active.
 */
public final class SessionStore {
    /** An idle key is behind the last touch of its session by this at most, milliseconds by the lane's enqueue times. */
    public static final long IDLE_KEY_LAG_MS = 10_000;

    private static final Logger LOG = LoggerFactory.getLogger(SessionStore.class);
    private static final byte[] EMPTY = {};

    private final KeyValueStore<Bytes, byte[]> store;
    private final Map<DueKind, DueQueue> queues = new EnumMap<>(DueKind.class);
    private boolean fenced;

    /**
     * @param store with a cache, from {@link SessionStoreSupplier}
     */
    public SessionStore(KeyValueStore<Bytes, byte[]> store) {
        this.store = store;
        DueKind.OF_SESSIONS.forEach(kind -> queues.put(kind, new DueQueue(() -> store, kind)));
    }

    /** Up to {@code max} things of a kind that are due until that time, the earliest first; each is to be {@link #taken} in order. */
    public List<DueQueue.Due> due(DueKind kind, long untilMs, int max) {
        return queues.get(kind).until(untilMs, max);
    }

    /** The session of which something is due, which has no key of that kind any more; empty when it cannot be read. */
    public Optional<StoredSession> taken(DueKind kind, DueQueue.Due due) {
        queues.get(kind).done(due);
        SessionKey key = SessionKey.ofSubject(due.subject());
        Optional<SessionState> state = read(key);
        state.ifPresent(found -> {
            if (kind == DueKind.OPEN) {
                found.openKeyMs(OptionalLong.empty());
            } else {
                found.idleKeyMs(OptionalLong.empty());
            }
        });
        return state.map(found -> new StoredSession(key, found));
    }

    /**
     * Where a session stands.
     *
     * @throws IllegalArgumentException when the stored bytes are of another version
     */
    public Optional<SessionState> session(SessionKey key) {
        return Optional.ofNullable(store.get(keyOf(key))).map(SessionState::decode);
    }

    /** As {@link #session}; empty when it cannot be read. */
    private Optional<SessionState> read(SessionKey key) {
        return Optional.ofNullable(store.get(keyOf(key)))
                .flatMap(bytes -> readable(key, () -> SessionState.decode(bytes)));
    }

    private static <T> Optional<T> readable(SessionKey key, Supplier<T> decoded) {
        try {
            return Optional.of(decoded.get());
        } catch (RuntimeException e) {
            LOG.debug("Cannot read the state of session {}", key, e);
            return Optional.empty();
        }
    }

    public void putSession(SessionKey key, SessionState state) {
        putSession(key, state, state.lastActivityMs());
    }

    /**
     * As {@link #putSession(SessionKey, SessionState)}, for a session that was touched after its last activity, or by no record.
     *
     * @param idleFromMs time of its idle key if it has none, or one that is further behind than {@value #IDLE_KEY_LAG_MS}
     *     milliseconds; by the lane's enqueue times
     */
    public void putSession(SessionKey key, SessionState state, long idleFromMs) {
        begin();
        if (lacksIdleKey(state, idleFromMs)) {
            state.idleKeyMs().ifPresent(atMs -> idleQueue(key).delete(atMs, key.subject()));
            state.idleKeyMs(OptionalLong.of(idleQueue(key).put(idleFromMs, key.subject(), EMPTY)));
        }
        queueOpen(DueKind.OPEN, key.subject(), state);
        store.put(keyOf(key), state.encode());
    }

    /**
     * Something of the session is to be acknowledged, whether or not that changed its state: it is found by the time of its
     * idle key.
     *
     * @param laneMs enqueue time that the lane has reached, epoch ms
     */
    public void touched(SessionKey key, SessionState state, long laneMs) {
        if (lacksIdleKey(state, laneMs)) {
            putSession(key, state, laneMs);
        }
    }

    private static boolean lacksIdleKey(SessionState state, long atMs) {
        return state.idleKeyMs().orElse(Long.MIN_VALUE) < atMs - IDLE_KEY_LAG_MS;
    }

    private DueQueue idleQueue(SessionKey key) {
        return queues.get(DueKind.idle(key.lane()));
    }

    private void queueOpen(DueKind kind, String subject, SessionState state) {
        OptionalLong oldestMs = state.open().oldestMs();
        if (state.openKeyMs().isEmpty() && oldestMs.isPresent()) {
            state.openKeyMs(OptionalLong.of(queues.get(kind).put(oldestMs.getAsLong(), subject, EMPTY)));
        }
    }

    /** Deletes a session with the keys that it has. */
    public void deleteSession(SessionKey key, SessionState state) {
        state.idleKeyMs().ifPresent(atMs -> idleQueue(key).delete(atMs, key.subject()));
        state.openKeyMs().ifPresent(atMs -> queues.get(DueKind.OPEN).delete(atMs, key.subject()));
        remove(keyOf(key));
    }

    /** An earlier incarnation of a session to which the record of a source offset belongs, if any is kept. */
    public Optional<RetiredSession> retiredSession(SessionKey key, long sourceOffset) {
        Bytes from = StoreKeys.retired(key.space(), key.lane(), key.session(), 0);
        Bytes to = StoreKeys.retired(key.space(), key.lane(), key.session(), sourceOffset + 1);
        // From the end: the latest one that began before the record, however many there are.
        try (KeyValueIterator<Bytes, byte[]> iterator = store.reverseRange(from, to)) {
            while (iterator.hasNext()) {
                KeyValue<Bytes, byte[]> entry = iterator.next();
                if (entry.key.get().length == from.get().length && entry.key.compareTo(to) < 0) {
                    return Optional.of(RetiredSession.decode(entry.value))
                            .filter(retired -> sourceOffset < retired.endOffset());
                }
            }
        }
        return Optional.empty();
    }

    /** Keeps an incarnation that was closed with open numbers; without any it is forgotten. */
    public void putRetiredSession(SessionKey key, RetiredSession session) {
        SessionState state = session.state();
        Bytes retired = StoreKeys.retired(key.space(), key.lane(), key.session(), state.incarnation());
        String subject = key.subject() + '\0' + state.incarnation();
        if (state.open().isEmpty()) {
            state.openKeyMs().ifPresent(atMs -> queues.get(DueKind.RETIRED).delete(atMs, subject));
            remove(retired);
        } else {
            queueOpen(DueKind.RETIRED, subject, state);
            store.put(retired, session.encode());
        }
    }

    /**
     * Has an earlier incarnation forget the numbers that were opened before a time; it is deleted when none is left.
     *
     * @param due of kind {@link DueKind#RETIRED}, the first of those that are due
     */
    public void expireRetired(DueQueue.Due due, long openedBeforeMs) {
        queues.get(DueKind.RETIRED).done(due);
        int end = due.subject().lastIndexOf('\0');
        SessionKey key = SessionKey.ofSubject(due.subject().substring(0, end));
        long incarnation = Long.parseLong(due.subject().substring(end + 1));
        Bytes stored = StoreKeys.retired(key.space(), key.lane(), key.session(), incarnation);
        Optional.ofNullable(store.get(stored))
                .flatMap(bytes -> readable(key, () -> RetiredSession.decode(bytes)))
                .ifPresent(retired -> {
                    retired.state().openKeyMs(OptionalLong.empty());
                    retired.state().expireOpen(openedBeforeMs);
                    putRetiredSession(key, retired);
                });
    }

    /** A session and where it stands. */
    public record StoredSession(SessionKey key, SessionState state) {}

    /**
     * Some sessions of a lane, in the order of their keys of {@link DueKind#idle}.
     *
     * @param sessions those that can be read
     * @param read how many keys
     * @param last where the next page starts behind
     */
    public record IdlePage(List<StoredSession> sessions, int read, Optional<DueQueue.Due> last) {}

    /**
     * The sessions whose idle keys are in a span of time.
     *
     * @param after as in {@link DueQueue#between}, as are the others
     */
    public IdlePage idle(Lane lane, Optional<DueQueue.Due> after, long fromMs, long untilMs, int max) {
        List<DueQueue.Due> keys = queues.get(DueKind.idle(lane)).between(after, fromMs, untilMs, max);
        List<StoredSession> sessions = new ArrayList<>();
        for (DueQueue.Due due : keys) {
            SessionKey key = SessionKey.ofSubject(due.subject());
            read(key).ifPresent(state -> sessions.add(new StoredSession(key, state)));
        }
        return new IdlePage(
                sessions, keys.size(), keys.isEmpty() ? Optional.empty() : Optional.of(keys.get(keys.size() - 1)));
    }

    /** Time of the latest idle key of a lane, epoch ms; empty when it has none. */
    public OptionalLong latestIdleMs(Lane lane) {
        return queues.get(DueKind.idle(lane)).latestTime();
    }

    /**
     * Up to when everything was acknowledged.
     *
     * @throws IllegalArgumentException when the stored bytes are of another version
     */
    public AcknowledgedTimes acknowledgedTimes() {
        return Optional.ofNullable(store.get(StoreKeys.ACKNOWLEDGED))
                .map(AcknowledgedTimes::decode)
                .orElse(AcknowledgedTimes.NONE);
    }

    public void putAcknowledgedTimes(AcknowledgedTimes times) {
        begin();
        store.put(StoreKeys.ACKNOWLEDGED, times.encode());
    }

    private static Bytes keyOf(SessionKey key) {
        return StoreKeys.session(key.space(), key.lane(), key.session());
    }

    /** {@link KeyValueStore#delete} reads the value first, which nobody here wants. */
    private void remove(Bytes key) {
        store.put(key, null);
    }

    /**
     * Something was processed: from now on the store is not empty, and neither is its changelog. Keys that are always there
     * are written; see {@link StoreKeys#fencesOfSessions}.
     */
    public void begin() {
        if (!fenced) {
            fenced = true;
            for (Bytes fence : StoreKeys.fencesOfSessions()) {
                if (store.get(fence) == null) {
                    store.put(fence, EMPTY);
                }
            }
        }
    }
}
