package io.engram.topology.tick;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.topology.TopologyFixture;
import io.engram.topology.format.AcknowledgedTimes;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.progress.Acknowledgements;
import io.engram.topology.store.SessionStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MissedAcknowledgementsTest {
    private static final long SECOND_MS = 1_000;
    private static final long START_MS = 1_000 * SECOND_MS;

    @TempDir
    Path stateDir;

    private TopologyFixture topology;
    private SessionStore store;
    private Acknowledgements acknowledgements;
    private MissedAcknowledgements missed;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir);
        begin();
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    /** As a task that is new here, with what is stored. */
    private void begin() {
        store = topology.sessions();
        acknowledgements = new Acknowledgements(0, () -> 0);
        missed = new MissedAcknowledgements(store, acknowledgements);
    }

    private static SessionKey key(Lane lane, int session) {
        return new SessionKey("notes", lane, "s%05d".formatted(session));
    }

    private static SessionKey key(int session) {
        return key(Lane.NORMAL, session);
    }

    private void store(SessionKey key, long atMs) {
        SessionState state = SessionState.startedAt(0);
        state.accept(1, 5, atMs);
        store.putSession(key, state);
    }

    /** As a record at that time does. */
    private void touch(int session, long atMs, long offset) {
        SessionState state = store.session(key(session)).orElseGet(() -> SessionState.startedAt(0));
        state.accept(state.next(), 5, atMs);
        store.putSession(key(session), state);
        acknowledgements.touch(key(session), state, offset, atMs);
    }

    /** Acknowledges what is indexed and notes up to when everything is; the sessions in the order of their acknowledgements. */
    private List<SessionKey> tick(long indexed, Map<Lane, Long> processedMs) {
        missed.find();
        List<SessionKey> due = new ArrayList<>();
        acknowledgements.due(lane -> indexed, 0, next -> due.add(next.session()));
        missed.note(processedMs);
        return due;
    }

    private List<SessionKey> tickAll(Map<Lane, Long> processedMs) {
        List<SessionKey> all = new ArrayList<>();
        List<SessionKey> due = tick(Long.MAX_VALUE, processedMs);
        while (!due.isEmpty()) {
            assertThat(due).hasSizeLessThanOrEqualTo(MissedAcknowledgements.FOUND_PER_TICK);
            all.addAll(due);
            due = tick(Long.MAX_VALUE, processedMs);
        }
        return all;
    }

    private static Map<Lane, Long> normal(long processedMs) {
        return Map.of(Lane.NORMAL, processedMs);
    }

    @Test
    void shouldFindAllWhereNothingIsNoted() {
        int sessions = 2 * MissedAcknowledgements.FOUND_PER_TICK + 3;
        for (int i = 0; i < sessions; i++) {
            store(key(i), START_MS + i);
        }
        store(key(Lane.LOW, 0), 5);

        assertThat(tickAll(Map.of()))
                .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(0, sessions)
                        .mapToObj(i -> i < sessions ? key(i) : key(Lane.LOW, 0))
                        .toList());
        assertThat(store.acknowledgedTimes()).as("nothing was processed yet").isEqualTo(AcknowledgedTimes.NONE);
        begin();
        assertThat(tickAll(Map.of())).hasSize(sessions + 1);
    }

    @Test
    void shouldFindOnlyThoseThatMayHaveMissedOne() {
        tick(-1, Map.of());
        touch(1, START_MS, 10);
        touch(2, START_MS + 20 * SECOND_MS, 11);
        touch(3, START_MS + 40 * SECOND_MS, 12);
        assertThat(tick(11, normal(START_MS + 40 * SECOND_MS))).containsExactly(key(1), key(2));
        assertThat(store.acknowledgedTimes().of(Lane.NORMAL)).hasValue(START_MS + 40 * SECOND_MS);

        begin();
        assertThat(tickAll(Map.of())).containsExactly(key(3));
    }

    @Test
    void shouldFindWhatWasTouchedAgainAWhileAfterItsKey() {
        tick(-1, Map.of());
        for (int i = 0; i <= 25; i++) {
            touch(1, START_MS + i * SECOND_MS, i);
            assertThat(tick(i, normal(START_MS + i * SECOND_MS))).containsExactly(key(1));
        }
        touch(1, START_MS + 26 * SECOND_MS, 26);

        begin();
        assertThat(tickAll(Map.of())).as("its key is of the 22nd second").containsExactly(key(1));
    }

    @Test
    void shouldNotAcknowledgeAgainWhatWasAcknowledgedLongAgo() {
        tick(-1, Map.of());
        for (int i = 0; i < 1_000; i++) {
            touch(i, START_MS + i, i);
        }
        assertThat(tickDrained(normal(START_MS + 999))).isEqualTo(1_000);
        touch(1_000, START_MS + 60 * SECOND_MS, 1_000);
        assertThat(tickDrained(normal(START_MS + 60 * SECOND_MS))).isEqualTo(1);

        begin();
        assertThat(tickAll(Map.of())).containsExactly(key(1_000));
    }

    private int tickDrained(Map<Lane, Long> processedMs) {
        int sessions = 0;
        int due = tick(Long.MAX_VALUE, processedMs).size();
        while (due > 0) {
            sessions += due;
            due = tick(Long.MAX_VALUE, processedMs).size();
        }
        return sessions;
    }

    @Test
    void shouldNoteNothingBeforeAllAreFoundAndAcknowledged() {
        int sessions = MissedAcknowledgements.FOUND_PER_TICK + 1;
        for (int i = 0; i < sessions; i++) {
            store(key(i), START_MS + i);
        }
        store.putAcknowledgedTimes(AcknowledgedTimes.NONE.with(Lane.NORMAL, START_MS));
        begin();
        long nowMs = START_MS + 100 * SECOND_MS;
        assertThat(tick(Long.MAX_VALUE, normal(nowMs))).hasSize(sessions - 1);
        assertThat(store.acknowledgedTimes().of(Lane.NORMAL))
                .as("one was not found yet")
                .hasValue(START_MS);
        assertThat(tick(-2, normal(nowMs))).isEmpty();
        assertThat(store.acknowledgedTimes().of(Lane.NORMAL))
                .as("one was found, and waits")
                .hasValue(START_MS);

        begin();
        assertThat(tickAll(normal(nowMs))).as("all over again").hasSize(sessions);
        assertThat(store.acknowledgedTimes().of(Lane.NORMAL)).hasValue(nowMs);
        begin();
        assertThat(tickAll(Map.of())).isEmpty();
    }

    @Test
    void shouldFindTheEndWhileSessionsGoOn() {
        for (int i = 0; i < 10; i++) {
            store(key(i), START_MS + i);
        }
        missed.find();
        for (int i = 0; i < 10; i++) {
            touch(i, START_MS + 60 * SECOND_MS, i);
        }

        assertThat(tick(100, normal(START_MS + 60 * SECOND_MS))).hasSize(10);
        assertThat(store.acknowledgedTimes().of(Lane.NORMAL)).hasValue(START_MS + 60 * SECOND_MS);
    }

    @Test
    void shouldKeepWhatIsNotedWhenLaneTimesBeginEarlier() {
        store.putAcknowledgedTimes(AcknowledgedTimes.NONE.with(Lane.NORMAL, START_MS));
        begin();
        tick(Long.MAX_VALUE, normal(START_MS - 60 * SECOND_MS));

        assertThat(store.acknowledgedTimes().of(Lane.NORMAL)).hasValue(START_MS);
        assertThat(missed.acknowledgedMs(Lane.NORMAL)).isEqualTo(START_MS);
        assertThat(missed.acknowledgedMs(Lane.HIGH)).isZero();
    }
}
