package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.topology.EngramTopology;
import io.engram.topology.TopologyFixture;
import io.engram.topology.follow.StoredValues.StoreClosedException;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.format.StoreKeys;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.internals.CachingKeyValueStore;
import org.apache.kafka.streams.state.internals.ThreadCache;
import org.apache.kafka.streams.state.internals.WrappedStateStore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sessions behind their cache: what others see of them, what is written and what is left. */
class SessionStoreTest {
    private static final SessionKey KEY = new SessionKey("notes", Lane.NORMAL, "s");

    @TempDir
    Path stateDir;

    private TopologyFixture topology;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir);
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    /** As a record of the session does; nothing commits it. */
    private void accept(int numbers) {
        SessionStore store = topology.sessions();
        for (int i = 0; i < numbers; i++) {
            SessionState state = store.session(KEY).orElseGet(() -> SessionState.startedAt(0));
            state.accept(state.next(), i, TopologyFixture.START.toEpochMilli());
            store.putSession(KEY, state);
        }
    }

    private SessionView view() {
        return topology.store().view().sessions();
    }

    private static boolean isOf(byte[] key, SessionKey session) {
        return Arrays.equals(
                key,
                StoreKeys.session(session.space(), session.lane(), session.session())
                        .get());
    }

    private boolean isInRocksDb() {
        List<Bytes> keys = new ArrayList<>();
        view().forEachKey(keys::add);
        return keys.stream().anyMatch(key -> isOf(key.get(), KEY));
    }

    @Test
    void shouldShowOtherThreadsWhatIsOnlyInTheCache() {
        accept(3);

        assertThat(isInRocksDb()).isFalse();
        Optional<SessionState> seen =
                CompletableFuture.supplyAsync(() -> view().session(KEY)).join();
        assertThat(seen.orElseThrow().next()).isEqualTo(4);

        topology.advance(Duration.ofMillis(100));
        assertThat(isInRocksDb()).isTrue();
        assertThat(view().raw(StoreKeys.session("notes", Lane.NORMAL, "s").get()))
                .isPresent();
    }

    @Test
    void shouldWriteASessionToTheChangelogOnceACommit() {
        accept(50);
        topology.advance(Duration.ofMillis(100));
        accept(50);
        topology.advance(Duration.ofMillis(100));

        assertThat(topology.sessionsChangelog().stream().filter(key -> isOf(key, KEY)))
                .hasSize(2);
    }

    @Test
    void shouldHaveAChangelogThatIsNotEmptyOnceAnythingWasProcessed() {
        topology.advance(Duration.ofSeconds(1));
        assertThat(topology.sessionsChangelog())
                .as("a partition that nobody uses writes nothing")
                .isEmpty();

        topology.sendRaw(
                Lane.NORMAL,
                Optional.of("notes".getBytes(StandardCharsets.UTF_8)),
                Optional.of("nonsense".getBytes(StandardCharsets.UTF_8)),
                Map.of());
        topology.advance(Duration.ofSeconds(1));

        assertThat(topology.sessionsChangelog()).isNotEmpty();
        assertThat(topology.sessionKeys()).isEmpty();
    }

    @Test
    void shouldRefuseReadersOnceItIsClosed() {
        SessionView view = view();
        MemoryView memories = topology.store().view();
        accept(1);
        topology.close();

        assertThatThrownBy(() -> view.session(KEY)).isInstanceOf(StoreClosedException.class);
        assertThatThrownBy(() -> view.forEachKey(key -> {})).isInstanceOf(StoreClosedException.class);
        assertThatThrownBy(memories::sessions).isInstanceOf(StoreClosedException.class);
        topology = new TopologyFixture(stateDir);
    }

    private static List<SessionKey> idle(SessionStore store, long fromMs, long untilMs) {
        return store.idle(Lane.NORMAL, Optional.empty(), fromMs, untilMs, 100).sessions().stream()
                .map(SessionStore.StoredSession::key)
                .toList();
    }

    private static SessionKey session(int number) {
        return new SessionKey("notes", Lane.NORMAL, "s" + number);
    }

    private static void put(SessionStore store, SessionKey key, long atMs) {
        SessionState state = SessionState.startedAt(0);
        state.accept(1, 5, atMs);
        store.putSession(key, state);
    }

    @Test
    void shouldFindSessionsByWhenTheyWereTouchedLast() {
        SessionStore store = topology.sessions();
        put(store, session(1), 100_000);
        put(store, session(2), 101_000);
        SessionState active = store.session(session(1)).orElseThrow();
        active.accept(2, 6, 110_000);
        store.putSession(session(1), active);
        assertThat(idle(store, 100_000, 100_000))
                .as("not more than ten seconds behind")
                .containsExactly(session(1));
        assertThat(store.latestIdleMs(Lane.NORMAL)).hasValue(101_000);

        active.accept(3, 7, 110_001);
        store.putSession(session(1), active);
        assertThat(idle(store, 0, 110_000)).containsExactly(session(2));
        assertThat(idle(store, 110_001, 110_001)).containsExactly(session(1));
        assertThat(topology.sessionKeys())
                .as("two sessions, and a key for each")
                .hasSize(4);

        store.touched(session(2), store.session(session(2)).orElseThrow(), 111_000);
        assertThat(idle(store, 101_000, 101_000)).containsExactly(session(2));
        store.touched(session(2), store.session(session(2)).orElseThrow(), 111_001);
        assertThat(idle(store, 111_001, 111_001)).containsExactly(session(2));
        assertThat(store.latestIdleMs(Lane.NORMAL)).hasValue(111_001);
        assertThat(store.latestIdleMs(Lane.LOW)).isEmpty();

        SessionState stored = store.session(session(2)).orElseThrow();
        assertThat(stored.lastActivityMs()).isEqualTo(101_000);
        store.deleteSession(session(2), stored);
        store.deleteSession(session(1), store.session(session(1)).orElseThrow());
        assertThat(topology.sessionKeys()).isEmpty();
    }

    @Test
    void shouldGoThroughASpanOfIdleKeysInPages() {
        SessionStore store = topology.sessions();
        for (int i = 0; i < 10; i++) {
            put(store, session(i), 100_000 + i / 4);
        }
        SessionStore.IdlePage first = store.idle(Lane.NORMAL, Optional.empty(), 100_001, 100_002, 3);
        SessionStore.IdlePage second = store.idle(Lane.NORMAL, first.last(), 100_001, 100_002, 3);

        assertThat(first.sessions())
                .extracting(SessionStore.StoredSession::key)
                .containsExactly(session(4), session(5), session(6));
        assertThat(second.sessions())
                .extracting(SessionStore.StoredSession::key)
                .containsExactly(session(7), session(8), session(9));
        assertThat(store.idle(Lane.NORMAL, second.last(), 100_001, 100_002, 3).read())
                .isZero();
    }

    /** The entries of the cache that keep the record with which they were written. */
    private long entriesWithARecord() throws ReflectiveOperationException {
        CachingKeyValueStore caching =
                (CachingKeyValueStore) ((WrappedStateStore<?, ?, ?>) topology.cachedStore()).wrapped();
        Field context = CachingKeyValueStore.class.getDeclaredField("internalContext");
        context.setAccessible(true);
        ThreadCache cache = ((InternalProcessorContext<?, ?>) context.get(caching)).cache();
        String name = ThreadCache.nameSpaceFromTaskIdAndStore("0_0", EngramTopology.SESSIONS);
        List<Bytes> keys = new ArrayList<>();
        try (KeyValueIterator<Bytes, byte[]> all = topology.cachedStore().all()) {
            all.forEachRemaining(entry -> keys.add(entry.key));
        }
        assertThat(keys).anyMatch(key -> isOf(key.get(), KEY));
        // The class of the entries is known to their package only.
        Method get = ThreadCache.class.getMethod("get", String.class, Bytes.class);
        long count = 0;
        for (Bytes key : keys) {
            Object entry = get.invoke(cache, name, key);
            if (entry != null) {
                Method contextOf = entry.getClass().getMethod("context");
                contextOf.setAccessible(true);
                ProcessorRecordContext of = (ProcessorRecordContext) contextOf.invoke(entry);
                count += of.sourceRawValue() != null ? 1 : 0;
            }
        }
        return count;
    }

    @Test
    void shouldNotKeepRecordsInTheCache() throws ReflectiveOperationException {
        topology.send("notes", Observation.observe("s", 1, "first", new float[] {1, 2}));
        topology.send("notes", Observation.observe("s", 2, "second", new float[] {1, 3}));
        topology.send("notes", Observation.observe("s", 2, "second", new float[] {1, 3}));
        topology.send("notes", Observation.observe("without a session", new float[] {1, 3}));
        topology.sendRaw(
                Lane.NORMAL,
                Optional.of("notes".getBytes(StandardCharsets.UTF_8)),
                Optional.of("{\"session\":\"s\",\"sequence\":3,\"content\":\"x\",\"embedding\":[0,0]}"
                        .getBytes(StandardCharsets.UTF_8)),
                Map.of());

        assertThat(entriesWithARecord()).isZero();
    }
}
