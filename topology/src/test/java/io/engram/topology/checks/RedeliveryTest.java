package io.engram.topology.checks;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionHeaders;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.TopologyFixture.Rejection;
import io.engram.topology.admission.AdmissionConfig;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.store.SessionKey;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Records that were shed and come again. */
class RedeliveryTest {
    private static final String SPACE = "space-1";

    @TempDir
    Path stateDir;

    private TopologyFixture topology;
    private PartitionDepth depth;

    @BeforeEach
    void start() {
        AdmissionConfig small = new AdmissionConfig(
                AdmissionConfig.Policy.REJECT,
                Map.of(Lane.HIGH, 100L, Lane.NORMAL, 1_000L, Lane.LOW, 500L),
                0.5,
                0.8,
                0.95,
                100,
                300_000);
        topology = new TopologyFixture(stateDir, config -> config.withAdmission(small), TestEngines.create());
        topology.send(SPACE, observe(1, "first", "one"));
        depth = topology.runtime()
                .depths()
                .of(new LanePartition(Lane.NORMAL, 0))
                .orElseThrow();
        topology.settle();
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private static Observation observe(long sequence, String id, String content) {
        return Observation.observe("s", sequence, content, new float[] {1, sequence})
                .withId(id);
    }

    private void overload() {
        depth.endOffset(depth.position() + 2_000);
        topology.advance(Duration.ofMillis(100));
    }

    private void relax() {
        depth.endOffset(depth.position());
        topology.advance(Duration.ofSeconds(2));
    }

    private Rejection shed(Observation observation) {
        overload();
        topology.send(SPACE, observation);
        relax();
        List<Rejection> rejections = topology.rejections();
        assertThat(rejections).extracting(Rejection::reason).containsExactly("over_capacity");
        return rejections.get(0);
    }

    private Optional<String> content(String id) {
        return topology.store().view().memory(SPACE, id).map(memory -> memory.content());
    }

    private double dropped() {
        return topology.metric("engram_streaming_redelivered_dropped_total", "memory_space", SPACE);
    }

    @Test
    void shouldAcceptWhatWasShedOnce() {
        Rejection shed = shed(observe(2, "a", "text"));

        topology.redeliver(Lane.NORMAL, shed);
        topology.redeliver(Lane.NORMAL, shed);
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("a")).contains("text");
        assertThat(topology.recallIds(SPACE, new float[] {1, 2}, 1)).containsExactly("a");
        assertThat(dropped()).isEqualTo(1);
        assertThat(topology.store().session(session()).orElseThrow().open().isEmpty())
                .isTrue();
    }

    private static SessionKey session() {
        return new SessionKey(SPACE, Lane.NORMAL, "s");
    }

    @Test
    void shouldNeverShedAgain() {
        Rejection shed = shed(observe(2, "a", "text"));
        overload();

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("a")).contains("text");
    }

    @Test
    void shouldLoseAgainstNewerChangesOfTheMemory() {
        Rejection replaced = shed(observe(2, "a", "v1"));
        Rejection forgotten = shed(observe(3, "b", "v1"));
        Rejection droppedLater = shed(observe(4, "c", "v1"));
        topology.send(SPACE, observe(5, "a", "v2"));
        topology.send(SPACE, Observation.forget("s", 6, "b"));

        topology.redeliver(Lane.NORMAL, replaced);
        topology.redeliver(Lane.NORMAL, forgotten);
        topology.settle();

        assertThat(content("a")).contains("v2");
        assertThat(content("b")).isEmpty();
        topology.send(SPACE, Observation.of(Operation.DROP, "s", 7));
        topology.redeliver(Lane.NORMAL, droppedLater);
        topology.settle();
        assertThat(topology.store().view().space(SPACE).exists()).isFalse();
        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.store().session(session()).orElseThrow().open().isEmpty())
                .as("their numbers are closed")
                .isTrue();
    }

    @Test
    void shouldGiveWayWithinOneMillisecond() {
        overload();
        topology.send(SPACE, observe(2, "a", "v1"));
        Rejection shed = topology.rejections().get(0);
        // Another lane, at the very same time, by the fixture's clock.
        topology.send(Lane.HIGH, SPACE, observe(1, "a", "v2"));
        relax();

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(content("a")).contains("v2");
    }

    @Test
    void shouldKeepTheTimeOfTheChange() {
        Rejection shed = shed(observe(2, "a", "text"));
        long enqueuedAt = Long.parseLong(shed.header(RejectionHeaders.ENQUEUED_AT));
        topology.advance(Duration.ofMinutes(10));

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.store().memory(SPACE, "a").orElseThrow().enqueuedAtMs())
                .isEqualTo(enqueuedAt);
    }

    @Test
    void shouldDropWhatWasSentAgainMeanwhile() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.send(SPACE, observe(2, "a", "text"));

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejections()).isEmpty();
        assertThat(dropped()).isEqualTo(1);
    }

    @Test
    void shouldDropWhatIsStoredAlreadyUnderItsId() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.send(Lane.HIGH, SPACE, observe(1, "a", "text").at("other", 1));
        // The same content: neither a duplicate to report nor a number to keep open.
        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.store().session(session()).orElseThrow().open().isEmpty())
                .isTrue();
    }

    @Test
    void shouldTellIncarnationsOfASessionApart() {
        Observation anonymous = Observation.observe("s", 2, "of the first", new float[] {1, 7});
        Rejection shed = shed(anonymous);
        long incarnation = topology.store().session(session()).orElseThrow().incarnation();
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));
        topology.send(SPACE, observe(1, "second-1", "of the second"));
        topology.send(SPACE, observe(2, "second-2", "of the second"));

        topology.redeliver(Lane.NORMAL, shed);
        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("s:normal:" + incarnation + ":2")).contains("of the first");
        assertThat(content("second-2")).contains("of the second");
        assertThat(dropped()).isEqualTo(1);
        assertThat(topology.store().session(session()).orElseThrow().next()).isEqualTo(3);
        topology.send(SPACE, observe(3, "second-3", "goes on"));
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldKnowAnEarlierIncarnationWhenTheSessionItselfIsForgotten() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));
        topology.send(SPACE, observe(1, "b", "of the second"));
        topology.advance(Duration.ofHours(25));
        topology.send(SPACE, Observation.observe("other", 1, "moves the lane's time", new float[] {1, 2}));
        topology.advance(Duration.ofSeconds(3));
        assertThat(topology.store().session(session())).isEmpty();

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("a")).contains("text");
    }

    @Test
    void shouldAcceptIntoAClosedSession() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(content("a")).contains("text");
        assertThat(topology.store().session(session()).orElseThrow().isClosed()).isTrue();
    }

    @Test
    void shouldDropWhatBelongsToAForgottenIncarnation() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.send(SPACE, observe(2, "a", "text"));
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));
        topology.send(SPACE, observe(1, "b", "new"));

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejections()).isEmpty();
        assertThat(dropped()).isEqualTo(1);
        assertThat(topology.store().session(session()).orElseThrow().next()).isEqualTo(2);
    }

    @Test
    void shouldRejectAgainWhatIsWrongNow() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.send(SPACE, Observation.of(Operation.DROP, "s", 3));
        topology.advance(Duration.ofMillis(200));
        topology.send(SPACE, Observation.observe("s", 4, "three", new float[] {1, 2, 3}));

        topology.redeliver(Lane.NORMAL, shed);

        List<Rejection> again = topology.rejections();
        assertThat(again).extracting(Rejection::reason).containsExactly("invalid_observation");
        assertThat(again.get(0).headers().headers(RejectionHeaders.REDELIVERED)).isEmpty();
        assertThat(again.get(0).header(RejectionHeaders.SOURCE_OFFSET))
                .isEqualTo(shed.header(RejectionHeaders.SOURCE_OFFSET));
    }
}
