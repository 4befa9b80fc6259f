package io.engram.topology.tick;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.SessionProgress;
import io.engram.topology.TopologyFixture;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which sessions are acknowledged by a task that begins with what another one stored. */
class RestartedSessionsTest {
    private static final String SPACE = "space-1";

    @TempDir
    Path stateDir;

    @TempDir
    Path otherStateDir;

    private TopologyFixture topology;
    private TopologyFixture restarted;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir);
        restarted = new TopologyFixture(otherStateDir);
        send("old", 1);
        topology.settle();
        assertThat(topology.progress()).containsOnlyKeys(key("old"));
    }

    @AfterEach
    void stop() {
        topology.close();
        restarted.close();
    }

    private static String key(String session) {
        return SessionProgress.key(SPACE, Lane.NORMAL, session);
    }

    private void send(String session, long sequence) {
        topology.send(
                SPACE,
                Observation.observe(session, sequence, session + " says " + sequence, new float[] {1, sequence}));
    }

    /** Time goes by, and with it the time up to which all is acknowledged. */
    private void minuteLater() {
        topology.advance(Duration.ofMinutes(1));
        send("other", 1);
        topology.settle();
        topology.advance(Duration.ofSeconds(1));
    }

    /** What the next task acknowledges when this one is killed. */
    private Map<String, Optional<SessionProgress>> progressAfterKill() {
        topology.copySessionsTo(restarted);
        restarted.advance(Duration.ofSeconds(1));
        return restarted.progress();
    }

    @Test
    void shouldAcknowledgeWhatMissedItAndNotWhatHadItLongAgo() {
        minuteLater();
        send("new", 1);

        Map<String, Optional<SessionProgress>> progress = progressAfterKill();
        assertThat(progress).containsOnlyKeys(key("new"), key("other"));
        assertThat(progress.get(key("new")).orElseThrow().acknowledgedSequence())
                .isEqualTo(1);
    }

    @Test
    void shouldAcknowledgeAgainWhatWasSentAgainRightBefore() {
        minuteLater();
        send("old", 1);
        assertThat(topology.rejectionReasons()).containsExactly("duplicate");

        Map<String, Optional<SessionProgress>> progress = progressAfterKill();
        assertThat(progress).containsOnlyKeys(key("old"), key("other"));
        assertThat(progress.get(key("old")).orElseThrow().acknowledgedSequence())
                .isEqualTo(1);
    }

    @Test
    void shouldAcknowledgeThatOpenNumbersExpired() {
        topology.sendRaw(
                Lane.NORMAL,
                Optional.of(SPACE.getBytes(StandardCharsets.UTF_8)),
                Optional.of("{\"session\":\"open\",\"sequence\":1,\"content\":\"x\",\"embedding\":[0,0]}"
                        .getBytes(StandardCharsets.UTF_8)),
                Map.of());
        minuteLater();
        topology.progress();
        topology.leap(Duration.ofMillis(SessionConfig.DEFAULT.openMs()));
        assertThat(topology.progress()).as("told at the next tick").isEmpty();

        Map<String, Optional<SessionProgress>> progress = progressAfterKill();
        assertThat(progress).containsOnlyKeys(key("open"), key("other"));
        assertThat(progress.get(key("open")).orElseThrow().openRanges()).isEmpty();
    }
}
