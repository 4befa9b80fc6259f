package io.engram.topology.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.topology.admission.LaneDepths.LanePartition;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ActiveSessionsTest {
    private static final long IDLE_MS = 300;
    private static final long SLICE_MS = 10;
    private static final long START_MS = 1_000_000;
    private static final LanePartition PARTITION = new LanePartition(Lane.NORMAL, 0);

    private final ActiveSessions sessions = new ActiveSessions(IDLE_MS);
    private final ActiveSessions.Window window = sessions.open(PARTITION);

    @Test
    void shouldCountEachSessionByItsLastActivity() {
        window.moved(0, START_MS);
        window.moved(0, START_MS + 100);
        window.moved(START_MS, START_MS + 200);
        window.reference(START_MS + 200);
        assertThat(sessions.count()).isEqualTo(2);

        window.reference(START_MS + 100 + IDLE_MS);
        assertThat(sessions.count()).as("both within the idle time").isEqualTo(2);
        window.reference(START_MS + 100 + IDLE_MS + SLICE_MS);
        assertThat(sessions.count()).as("one is idle").isEqualTo(1);
        window.reference(START_MS + 200 + IDLE_MS + SLICE_MS);
        assertThat(sessions.count()).isZero();
    }

    @Test
    void shouldNotCountWhatWasClosedUntilItBeginsAnew() {
        window.moved(0, START_MS);
        window.moved(0, START_MS + 1);
        window.moved(START_MS, 0);
        assertThat(sessions.count()).isEqualTo(1);

        window.moved(0, START_MS + 2);
        assertThat(sessions.count()).isEqualTo(2);
    }

    @Test
    void shouldNotTakeAwayWhatItHasNotCounted() {
        window.moved(0, START_MS);
        window.moved(START_MS - 1, START_MS);
        window.moved(START_MS - 1, 0);

        assertThat(sessions.count())
                .as("one that is new, one that was active before, and one that was closed")
                .isEqualTo(2);
    }

    @Test
    void shouldForgetNothingOfALaneThatLags() {
        window.moved(0, START_MS);
        window.reference(START_MS);
        ActiveSessions.Window live = sessions.open(new LanePartition(Lane.HIGH, 0));
        live.moved(0, START_MS + 100 * IDLE_MS);
        live.reference(START_MS + 100 * IDLE_MS);

        assertThat(sessions.count()).isEqualTo(2);
    }

    @Test
    void shouldCountNoPartitionThatIsProcessedElsewhere() {
        window.moved(0, START_MS);
        ActiveSessions.Window again = sessions.open(PARTITION);
        assertThat(sessions.count()).as("opened anew").isZero();
        again.moved(0, START_MS);
        sessions.close(PARTITION, window);
        assertThat(sessions.count()).as("the other one was closed").isEqualTo(1);

        sessions.close(PARTITION, again);
        assertThat(sessions.count()).isZero();
    }

    @Test
    void shouldAgreeWithAMapOfAllSessionsToASlice() {
        Random random = new Random(7);
        Map<Integer, Long> lastActivity = new HashMap<>();
        long now = START_MS;
        for (int i = 0; i < 20_000; i++) {
            now += random.nextInt(5);
            int session = random.nextInt(400);
            long before = lastActivity.getOrDefault(session, 0L);
            if (random.nextInt(10) == 0) {
                lastActivity.remove(session);
                window.moved(before, 0);
            } else {
                lastActivity.put(session, now);
                window.moved(before, now);
            }
            window.reference(now);
            long idleFrom = now - IDLE_MS;
            assertThat(sessions.count())
                    .isBetween(
                            lastActivity.values().stream()
                                    .filter(ms -> ms >= idleFrom)
                                    .count(),
                            lastActivity.values().stream()
                                    .filter(ms -> ms > idleFrom - SLICE_MS)
                                    .count());
        }
    }

    @Test
    void shouldCountWithAnIdleTimeOfAMillisecond() {
        ActiveSessions brief = new ActiveSessions(1);
        ActiveSessions.Window window = brief.open(PARTITION);
        window.moved(0, START_MS);
        window.reference(START_MS + 1);
        assertThat(brief.count()).isEqualTo(1);
        window.reference(START_MS + 2);
        assertThat(brief.count()).isZero();
    }
}
