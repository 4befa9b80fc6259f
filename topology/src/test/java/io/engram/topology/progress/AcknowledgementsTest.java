package io.engram.topology.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.progress.Acknowledgements.Due;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AcknowledgementsTest {
    private static final long NOW_MS = 5;

    private final AtomicLong nanos = new AtomicLong();
    private long nanosPerLook;
    private final Acknowledgements acknowledgements = new Acknowledgements(0, () -> nanos.addAndGet(nanosPerLook));

    private static SessionKey key(Lane lane, int session) {
        return new SessionKey("notes", lane, "s" + session);
    }

    private static SessionState accepted(int numbers) {
        SessionState state = SessionState.startedAt(0);
        for (int i = 0; i < numbers; i++) {
            state.accept(state.next(), i, NOW_MS);
        }
        return state;
    }

    private List<Due> due(long indexed) {
        List<Due> due = new ArrayList<>();
        acknowledgements.due(lane -> indexed, NOW_MS, due::add);
        return due;
    }

    @Test
    void shouldAcknowledgeManySessionsInTurns() {
        int sessions = 2 * Acknowledgements.NOTED_PER_TICK + 1;
        for (int i = 0; i < sessions; i++) {
            acknowledgements.touch(key(Lane.NORMAL, i), accepted(1), i, NOW_MS);
        }
        acknowledgements.touch(key(Lane.LOW, 0), accepted(1), sessions, NOW_MS);

        List<SessionKey> acknowledged = new ArrayList<>();
        List<Due> due = due(Long.MAX_VALUE);
        while (!due.isEmpty()) {
            assertThat(due).hasSizeLessThanOrEqualTo(Acknowledgements.DUE_PER_TICK + 1);
            due.forEach(next -> acknowledged.add(next.session()));
            due = due(Long.MAX_VALUE);
        }

        assertThat(acknowledged).doesNotHaveDuplicates().hasSize(sessions + 1);
        assertThat(acknowledged.stream().filter(session -> session.lane() == Lane.NORMAL))
                .as("as they were sent")
                .containsExactlyElementsOf(IntStream.range(0, sessions)
                        .mapToObj(i -> key(Lane.NORMAL, i))
                        .toList());
        assertThat(acknowledged).noneMatch(acknowledgements::awaits);
    }

    @Test
    void shouldAcknowledgeAsManyAsThereIsTimeFor() {
        nanosPerLook = TimeUnit.MILLISECONDS.toNanos(1);
        for (int i = 0; i < 50; i++) {
            acknowledgements.touch(key(Lane.NORMAL, i), accepted(1), i, NOW_MS);
        }
        acknowledgements.touch(key(Lane.LOW, 0), accepted(1), 50, NOW_MS);

        assertThat(due(Long.MAX_VALUE))
                .as("four of a lane, and one of the other")
                .hasSize(5);

        nanosPerLook = TimeUnit.SECONDS.toNanos(1);
        assertThat(due(Long.MAX_VALUE)).as("however slow it is").hasSize(1);
    }

    @Test
    void shouldNotLetASessionThatWaitsHoldUpAnother() {
        for (int i = 0; i < 2 * Acknowledgements.DUE_PER_TICK; i++) {
            acknowledgements.touch(key(Lane.NORMAL, i), accepted(1), 1_000_000, NOW_MS);
        }
        acknowledgements.touch(key(Lane.NORMAL, -1), accepted(3), 7, NOW_MS);

        assertThat(due(7)).singleElement().satisfies(next -> {
            assertThat(next.session()).isEqualTo(key(Lane.NORMAL, -1));
            assertThat(next.progress().acknowledgedSequence()).isEqualTo(3);
        });
        assertThat(due(999_999)).isEmpty();
    }

    @Test
    void shouldAcknowledgeTheLatestStateThatIsIndexed() {
        SessionKey session = key(Lane.HIGH, 1);
        for (int numbers = 1; numbers <= 3; numbers++) {
            acknowledgements.touch(session, accepted(numbers), 10L * numbers, NOW_MS);
            assertThat(due(5)).isEmpty();
        }

        assertThat(due(29))
                .singleElement()
                .satisfies(next ->
                        assertThat(next.progress().acknowledgedSequence()).isEqualTo(2));
        assertThat(acknowledgements.awaits(session)).isTrue();
        assertThat(due(30))
                .singleElement()
                .satisfies(next ->
                        assertThat(next.progress().acknowledgedSequence()).isEqualTo(3));
        assertThat(acknowledgements.awaits(session)).isFalse();
    }

    @Test
    void shouldTellAChangeByTimeWithTheLastRecordBeforeIt() {
        SessionKey session = key(Lane.NORMAL, 1);
        acknowledgements.touch(session, accepted(1), 10, NOW_MS);
        assertThat(due(9)).isEmpty();
        acknowledgements.changed(session, accepted(2), NOW_MS);
        acknowledgements.changed(key(Lane.NORMAL, 2), accepted(4), NOW_MS);

        assertThat(due(9)).extracting(Due::session).containsExactly(key(Lane.NORMAL, 2));
        assertThat(due(10))
                .singleElement()
                .satisfies(next ->
                        assertThat(next.progress().acknowledgedSequence()).isEqualTo(2));
        assertThat(acknowledgements.awaits(session)).isFalse();
        assertThat(acknowledgements.awaits(key(Lane.NORMAL, 2))).isFalse();
    }

    @Test
    void shouldKeepWhatIsTouchedWhileItWaits() {
        SessionKey session = key(Lane.NORMAL, 1);
        for (int numbers = 1; numbers <= 100; numbers++) {
            acknowledgements.touch(session, accepted(numbers), numbers, NOW_MS);
            assertThat(due(0)).isEmpty();
        }

        assertThat(due(1))
                .singleElement()
                .satisfies(next ->
                        assertThat(next.progress().acknowledgedSequence()).isEqualTo(1));
        assertThat(due(100))
                .singleElement()
                .satisfies(next ->
                        assertThat(next.progress().acknowledgedSequence()).isEqualTo(100));
    }

    @Test
    void shouldKnowHowMuchOfTheStoredIncarnationIsAcknowledged() {
        SessionKey session = key(Lane.NORMAL, 1);
        acknowledgements.touch(session, accepted(3), 10, NOW_MS);
        assertThat(due(9)).isEmpty();
        SessionState anew = SessionState.startedAt(20);
        anew.accept(1, 7, NOW_MS);
        acknowledgements.touch(session, anew, 20, NOW_MS);

        assertThat(due(19)).singleElement().satisfies(next -> {
            assertThat(next.progress().acknowledgedSequence()).isEqualTo(3);
            assertThat(next.acknowledged()).as("of the new incarnation").isZero();
        });
        assertThat(due(20))
                .singleElement()
                .satisfies(next -> assertThat(next.acknowledged()).isEqualTo(1));
    }

    private static OptionalLong since(long ms) {
        return OptionalLong.of(ms);
    }

    @Test
    void shouldKnowSinceWhenTheLongestWaits() {
        SessionKey a = key(Lane.NORMAL, 1);
        SessionKey b = key(Lane.NORMAL, 2);
        assertThat(acknowledgements.waitingSinceMs(Lane.NORMAL)).isEmpty();
        acknowledgements.touch(a, accepted(1), 10, 100);
        acknowledgements.touch(b, accepted(1), 11, 110);
        acknowledgements.touch(a, accepted(2), 12, 120);
        assertThat(acknowledgements.waitingSinceMs(Lane.NORMAL)).isEqualTo(since(100));
        due(9);
        acknowledgements.touch(a, accepted(3), 13, 130);
        acknowledgements.touch(a, accepted(4), 14, 140);

        due(11);
        assertThat(acknowledgements.waitingSinceMs(Lane.NORMAL))
                .as("the first touch of a, told with offset 12")
                .isEqualTo(since(100));
        due(12);
        assertThat(acknowledgements.waitingSinceMs(Lane.NORMAL))
                .as("since its last acknowledgement")
                .isEqualTo(since(130));
        assertThat(acknowledgements.waitingSinceMs(Lane.HIGH)).isEmpty();
        due(14);
        assertThat(acknowledgements.waitingSinceMs(Lane.NORMAL)).isEmpty();
    }

    @Test
    void shouldKnowSinceWhenItWaitsHoweverManyPointsItHas() {
        SessionKey session = key(Lane.NORMAL, 1);
        for (int numbers = 1; numbers <= 100; numbers++) {
            acknowledgements.touch(session, accepted(numbers), numbers, 1_000 + numbers);
            due(0);
            assertThat(acknowledgements.waitingSinceMs(Lane.NORMAL)).isEqualTo(since(1_001));
        }

        due(15);
        assertThat(acknowledgements.waitingSinceMs(Lane.NORMAL))
                .as("the last point stands for all that came after the 15th")
                .isEqualTo(since(1_016));
        due(100);
        assertThat(acknowledgements.waitingSinceMs(Lane.NORMAL)).isEmpty();
    }
}
