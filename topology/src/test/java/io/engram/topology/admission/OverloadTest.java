package io.engram.topology.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionHeaders;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.admission.LaneDepths.LanePartition;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OverloadTest {
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
                5_000,
                300_000);
        topology = new TopologyFixture(stateDir, config -> config.withAdmission(small), TestEngines.create());
        topology.send(SPACE, observation(1));
        depth = topology.runtime()
                .depths()
                .of(new LanePartition(Lane.NORMAL, 0))
                .orElseThrow();
        topology.settle();
        assertThat(topology.backpressure())
                .containsExactlyInAnyOrder("high-0 normal", "normal-0 normal", "low-0 normal");
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private static Observation observation(long sequence) {
        return Observation.observe("s", sequence, "memory " + sequence, new float[] {1, sequence});
    }

    /** The broker says that so many more records wait. */
    private void queued(long records) {
        depth.ends(depth.position() + records, depth.position() + records, 0);
        topology.advance(Duration.ofMillis(100));
    }

    @Test
    void shouldRaiseLevelsShedAndRecoverWithHysteresis() {
        topology.settle();
        queued(500);
        queued(800);
        queued(950);
        assertThat(topology.backpressure())
                .containsExactly("normal-0 warning", "normal-0 critical", "normal-0 overloaded");
        assertThat(topology.metric("engram_streaming_backpressure_state", "memory_space", SPACE))
                .isEqualTo(3);

        topology.send(SPACE, observation(2));
        topology.send(SPACE, observation(3));
        List<TopologyFixture.Rejection> shed = topology.rejections();
        assertThat(shed)
                .extracting(TopologyFixture.Rejection::reason)
                .containsExactly("over_capacity", "over_capacity");
        assertThat(Long.parseLong(shed.get(0).header(RejectionHeaders.RETRY_AFTER_MS)))
                .isBetween(100L, 300_000L);

        depth.ends(depth.position(), depth.position(), 0);
        topology.advance(Duration.ofSeconds(4));
        assertThat(topology.runtime().board().worstLevel()).isEqualTo(BackpressureLevel.OVERLOADED);
        topology.advance(Duration.ofSeconds(16));
        assertThat(topology.backpressure()).endsWith("normal-0 critical", "normal-0 warning", "normal-0 normal");
        for (String level : List.of("normal", "warning", "critical")) {
            assertThat(topology.metric(
                            "engram_streaming_backpressure_activations_total", "memory_space", SPACE, "level", level))
                    .as(level)
                    .isEqualTo(level.equals("normal") ? 1 : 2);
        }

        topology.send(SPACE, observation(3));
        topology.send(SPACE, observation(2));
        topology.settle();
        assertThat(topology.rejections())
                .as("open numbers are accepted later, in any order")
                .isEmpty();
        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 5)).hasSize(3);
        assertThat(topology.progress().get(SPACE + "/normal/s").orElseThrow().openRanges())
                .isEmpty();
    }

    @Test
    void shouldNeverShedOperationsThatMakeRoom() {
        queued(2_000);

        topology.send(SPACE, Observation.forget("s", 2, "s:normal:0:1"));
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));

        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldNotShedWhatCouldNotComeBackWhole() {
        topology.runtime().writeLimits().set(100_000, 60_000);
        queued(2_000);

        topology.send(SPACE, Observation.observe("s", 2, "x".repeat(60_000), new float[] {1, 2}));
        assertThat(topology.rejections()).isEmpty();
        topology.send(SPACE, Observation.observe("s", 3, "x".repeat(50_000), new float[] {1, 2}));
        assertThat(topology.rejectionReasons()).containsExactly("over_capacity");
    }

    @Test
    void shouldNotShedOnOtherLanes() {
        queued(2_000);

        topology.send(Lane.HIGH, SPACE, observation(1));
        topology.send(Lane.LOW, SPACE, observation(1));

        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldRepeatStatusWhileNotNormal() {
        queued(600);
        assertThat(topology.backpressure()).containsExactly("normal-0 warning");
        topology.advance(Duration.ofMillis(4_800));
        assertThat(topology.backpressure()).isEmpty();
        topology.advance(Duration.ofMillis(300));
        assertThat(topology.backpressure()).containsExactly("normal-0 warning");
    }

    @Test
    void shouldAskForLargerBatchesAtHigherLevels() {
        assertThat(topology.runtime().workers().batchLimit(0)).isEqualTo(10);
        queued(500);
        assertThat(topology.runtime().workers().batchLimit(0)).isEqualTo(100);
        queued(800);
        assertThat(topology.runtime().workers().batchLimit(0)).isEqualTo(500);
        queued(950);
        assertThat(topology.runtime().workers().batchLimit(0)).isEqualTo(1_000);
    }
}
