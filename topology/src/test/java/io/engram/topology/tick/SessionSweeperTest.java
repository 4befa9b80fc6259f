package io.engram.topology.tick;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.topology.TopologyFixture;
import io.engram.topology.format.RetiredSession;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.store.CountingStore;
import io.engram.topology.store.SessionStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionSweeperTest {
    private static final long MINUTE_MS = 60_000;
    private static final long RETENTION_MS = 10 * MINUTE_MS;
    private static final long OPEN_MS = 100 * MINUTE_MS;

    @TempDir
    Path stateDir;

    private TopologyFixture topology;
    private SessionStore store;
    private SessionSweeper sweeper;
    private long nanos;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir);
        store = topology.sessions();
        sweeper = sweeper();
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    /** With a clock that stands still unless the test moves it. */
    private SessionSweeper sweeper() {
        return new SessionSweeper(store, new SessionConfig(1, RETENTION_MS, OPEN_MS), () -> nanos);
    }

    private static SessionKey key(Lane lane, int session) {
        return new SessionKey("notes", lane, "s%05d".formatted(session));
    }

    private static SessionKey key(int session) {
        return key(Lane.NORMAL, session);
    }

    private static SessionState active(long atMs) {
        SessionState state = SessionState.startedAt(0);
        state.accept(1, 5, atMs);
        return state;
    }

    /** As a record of the session does. */
    private void touch(SessionKey key, long atMs) {
        SessionState state = store.session(key).orElseThrow();
        state.accept(state.next(), 5, atMs);
        store.putSession(key, state);
    }

    private SessionSweeper.Swept sweep(long laneMs, long brokerMs) {
        return sweeper.sweep(Map.of(Lane.NORMAL, laneMs), brokerMs);
    }

    /** What is purged at that time, in as many steps as it takes. */
    private List<SessionKey> purgeAll(long laneMs, long brokerMs) {
        List<SessionKey> purged = new ArrayList<>();
        List<SessionKey> more = sweep(laneMs, brokerMs).purged();
        while (!more.isEmpty()) {
            assertThat(more).hasSizeLessThanOrEqualTo(SessionSweeper.STEP);
            purged.addAll(more);
            more = sweep(laneMs, brokerMs).purged();
        }
        return purged;
    }

    @Test
    void shouldPurgeInTheOrderOfTheirLastActivity() {
        int sessions = 2 * SessionSweeper.STEP + 10;
        for (int i = 0; i < sessions; i++) {
            store.putSession(key(i), active(10_000 - i));
        }

        assertThat(purgeAll(10_000 + RETENTION_MS - 9, 0))
                .as("the last ten are active still")
                .containsExactlyElementsOf(IntStream.iterate(sessions - 1, i -> i > 9, i -> i - 1)
                        .mapToObj(SessionSweeperTest::key)
                        .toList());
        assertThat(store.idle(Lane.NORMAL, Optional.empty(), 0, 10_000, 100).sessions())
                .extracting(SessionStore.StoredSession::key)
                .containsExactlyElementsOf(IntStream.iterate(9, i -> i >= 0, i -> i - 1)
                        .mapToObj(SessionSweeperTest::key)
                        .toList());
    }

    @Test
    void shouldReadNothingWhileNothingIsDue() {
        CountingStore reads = new CountingStore();
        store = topology.sessions(reads);
        sweeper = sweeper();
        for (int i = 0; i < 1_000; i++) {
            store.putSession(key(i), active(5 * MINUTE_MS + i));
        }
        sweep(RETENTION_MS + 1, OPEN_MS + 1);
        reads.takeReads();

        for (int i = 0; i < 100; i++) {
            sweep(RETENTION_MS + 1 + i, OPEN_MS + 1 + i);
        }

        assertThat(reads.takeReads()).isZero();
    }

    @Test
    void shouldStopWhenItsTimeIsOver() {
        for (int i = 0; i < 100; i++) {
            store.putSession(key(i), active(1_000 + i));
        }
        sweeper = new SessionSweeper(
                store, new SessionConfig(1, RETENTION_MS, OPEN_MS), () -> nanos += TimeUnit.MICROSECONDS.toNanos(100));

        List<SessionKey> purged = sweep(2_000 + RETENTION_MS, 0).purged();
        assertThat(purged).hasSizeBetween(1, 30).startsWith(key(0), key(1));
        assertThat(purgeAll(2_000 + RETENTION_MS, 0)).hasSize(100 - purged.size());
    }

    @Test
    void shouldKeepWhatWasActiveMeanwhileAndGoByTheClockOfItsLane() {
        store.putSession(key(1), active(1_000));
        store.putSession(key(2), active(1_000));
        store.putSession(key(Lane.HIGH, 1), active(1_000));
        touch(key(1), MINUTE_MS);

        assertThat(purgeAll(1_001 + RETENTION_MS, 0)).containsExactly(key(2));
        assertThat(purgeAll(MINUTE_MS + RETENTION_MS, 0)).isEmpty();
        assertThat(purgeAll(MINUTE_MS + RETENTION_MS + 1, 0)).containsExactly(key(1));
        assertThat(store.session(key(Lane.HIGH, 1)))
                .as("nothing more came on its lane")
                .isPresent();
        assertThat(sweeper.sweep(Map.of(Lane.HIGH, 1_001 + RETENTION_MS), 0).purged())
                .containsExactly(key(Lane.HIGH, 1));
        assertThat(topology.sessionKeys()).as("not even a key of what is due").isEmpty();
    }

    @Test
    void shouldKeepASessionUntilItsOpenNumbersExpire() {
        SessionState state = active(1_000);
        state.skip(1_000, false, MINUTE_MS);
        state.skip(1_000, true, 20 * MINUTE_MS);
        store.putSession(key(1), state);
        long laneMs = 20 * MINUTE_MS;

        assertThat(purgeAll(laneMs, OPEN_MS)).isEmpty();
        SessionSweeper.Swept first = sweep(laneMs, OPEN_MS + 3 * MINUTE_MS);
        assertThat(first.purged()).isEmpty();
        assertThat(first.changed()).singleElement().satisfies(changed -> {
            assertThat(changed.key()).isEqualTo(key(1));
            assertThat(changed.state().open().toList()).containsExactly(List.of(3L, 3L));
        });
        assertThat(sweep(laneMs, OPEN_MS + 20 * MINUTE_MS).changed()).isEmpty();

        assertThat(purgeAll(laneMs, OPEN_MS + 22 * MINUTE_MS)).containsExactly(key(1));
        assertThat(topology.sessionKeys()).isEmpty();
    }

    @Test
    void shouldPurgeASessionWhoseOpenNumbersWereTaken() {
        SessionState state = active(1_000);
        state.skip(1_000, false, MINUTE_MS);
        store.putSession(key(1), state);
        assertThat(purgeAll(RETENTION_MS + MINUTE_MS, 0)).isEmpty();
        SessionState taken = store.session(key(1)).orElseThrow();
        taken.accept(2, 7, RETENTION_MS + MINUTE_MS);
        store.putSession(key(1), taken);

        assertThat(purgeAll(2 * RETENTION_MS + MINUTE_MS, 0)).isEmpty();
        assertThat(purgeAll(2 * RETENTION_MS + MINUTE_MS + 1, 0)).containsExactly(key(1));
        assertThat(topology.sessionKeys()).isEmpty();
    }

    @Test
    void shouldExpireTheNumbersOfEarlierIncarnationsToo() {
        SessionState before = active(1_000);
        before.skip(1_000, false, MINUTE_MS);
        store.putSession(key(1), before);
        SessionState now = SessionState.startedAt(50);
        now.replace(before);
        store.putRetiredSession(key(1), new RetiredSession(before, 50));
        now.accept(1, 5, 2_000);
        store.putSession(key(1), now);

        sweep(1_000, OPEN_MS + MINUTE_MS);
        assertThat(store.retiredSession(key(1), 10)).isPresent();
        sweep(1_000, OPEN_MS + 3 * MINUTE_MS);
        assertThat(store.retiredSession(key(1), 10)).isEmpty();
        assertThat(store.session(key(1))).isPresent();

        assertThat(purgeAll(2_001 + RETENTION_MS, 0)).containsExactly(key(1));
        assertThat(topology.sessionKeys()).isEmpty();
    }

    @Test
    void shouldGoOnWhereAnotherInstanceLeftOff() {
        for (int i = 0; i < 100; i++) {
            store.putSession(key(i), active(1_000 + i));
        }
        assertThat(purgeAll(1_050 + RETENTION_MS, 0)).hasSize(50);

        store = topology.sessions();
        SessionSweeper another = sweeper();
        assertThat(another.sweep(Map.of(Lane.NORMAL, 1_060 + RETENTION_MS), 0).purged())
                .containsExactlyElementsOf(IntStream.range(50, 60)
                        .mapToObj(SessionSweeperTest::key)
                        .toList());
    }
}
