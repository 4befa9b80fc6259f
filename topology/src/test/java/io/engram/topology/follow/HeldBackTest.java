package io.engram.topology.follow;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.SessionProgress;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.format.SessionKey;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.recall.Recall;
import io.engram.topology.tick.SessionConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of records while the index still holds one of them back. */
class HeldBackTest {
    private static final String SPACE = "space-1";

    private final CountDownLatch release = new CountDownLatch(1);
    private TopologyFixture topology;

    @BeforeEach
    void open(@TempDir Path stateDir) {
        InterceptedEngine engine = new InterceptedEngine(TestEngines.create(), (id, vector) -> {
            if (id.equals("held")) {
                awaitRelease();
            }
        });
        topology = new TopologyFixture(
                stateDir,
                config -> config.withSessions(new SessionConfig(1_000, 86_400_000, 86_400_000))
                        .withIndexing(config.indexing().withScanThreshold(0)),
                engine);
    }

    @AfterEach
    void close() {
        release.countDown();
        topology.close();
    }

    private void awaitRelease() {
        try {
            release.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static Observation observation(long sequence, String id) {
        return Observation.observe("s", sequence, "content of " + id, new float[] {1, id.length()})
                .withId(id);
    }

    private LaneProgress lane(Lane lane) {
        return topology.store().view().lanes().get(lane);
    }

    /** As it is told: what nobody remembers as owed is acknowledged to its end. */
    private long acknowledged(Lane lane) {
        SessionKey session = new SessionKey(SPACE, lane, "s");
        return topology.store()
                .view()
                .owed()
                .acknowledged(session)
                .orElse(topology.store()
                                .view()
                                .sessions()
                                .session(session)
                                .orElseThrow()
                                .next()
                        - 1);
    }

    @Test
    void shouldSayNothingOfTheFirstRecordBeforeItIsIndexed() throws InterruptedException {
        topology.send(SPACE, observation(1, "held"));
        for (int i = 2; i <= 10; i++) {
            topology.send(SPACE, observation(i, "memory-" + i));
        }
        // Longer than the session counts as active.
        topology.advance(Duration.ofSeconds(5));

        assertThat(topology.progress()).isEmpty();
        assertThat(acknowledged(Lane.NORMAL)).isZero();
        assertThat(lane(Lane.NORMAL).indexedOffset()).isEqualTo(-1);
        assertThat(lane(Lane.NORMAL).offsets().await(0, 1)).isFalse();
        assertThat(Recall.indexedOffsets(topology.store().view())).containsEntry("normal-0", -1L);

        release.countDown();
        topology.settle();

        SessionProgress progress = topology.progress().get(SPACE + "/normal/s").orElseThrow();
        assertThat(progress.acknowledgedSequence()).isEqualTo(10);
        assertThat(progress.indexedOffsets()).isEqualTo(Map.of("normal-0", 9L));
        assertThat(acknowledged(Lane.NORMAL)).isEqualTo(10);
    }

    @Test
    void shouldNotSayThatARepetitionIsRecallableBeforeWhatItRepeatsIs() {
        topology.send(Lane.LOW, SPACE, observation(1, "held"));
        topology.send(Lane.HIGH, SPACE, observation(1, "held"));
        topology.send(Lane.HIGH, SPACE, observation(2, "held"));
        topology.advance(Duration.ofSeconds(5));

        assertThat(topology.rejectionReasons()).containsExactly("duplicate", "duplicate");
        assertThat(lane(Lane.HIGH).indexedOffset()).isEqualTo(-1);
        assertThat(topology.progress()).isEmpty();
        assertThat(acknowledged(Lane.HIGH)).isZero();

        release.countDown();
        topology.settle();

        assertThat(lane(Lane.HIGH).indexedOffset()).isEqualTo(1);
        assertThat(lane(Lane.LOW).indexedOffset()).isZero();
        assertThat(acknowledged(Lane.HIGH)).isEqualTo(2);
        assertThat(topology.recallIds(SPACE, new float[] {1, 4}, 5)).containsExactly("held");
    }

    @Test
    void shouldNotSayThatARepetitionWithoutASessionIsRecallableBeforeWhatItRepeatsIs() {
        Observation held = Observation.observe("content", new float[] {1, 4}).withId("held");
        topology.send(Lane.LOW, SPACE, held);
        topology.send(Lane.HIGH, SPACE, held);

        assertThat(topology.rejectionReasons()).containsExactly("duplicate");
        assertThat(lane(Lane.HIGH).indexedOffset()).isEqualTo(-1);

        release.countDown();
        topology.settle();

        assertThat(lane(Lane.HIGH).indexedOffset()).isZero();
        assertThat(lane(Lane.LOW).indexedOffset()).isZero();
    }
}
