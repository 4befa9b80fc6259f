package io.engram.topology.follow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.schemas.Observation;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.workers.IndexingConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RefusedInsertTest {
    @TempDir
    Path stateDir;

    @Test
    void shouldRecallWhatTheIndexRefusesAndRepairIt() {
        AtomicBoolean broken = new AtomicBoolean(true);
        InterceptedEngine engine = new InterceptedEngine(TestEngines.create(), (id, vector) -> {
            if (id.equals("refused") && broken.get()) {
                throw new IllegalStateException("forced failure");
            }
        });
        IndexingConfig quickRetry = new IndexingConfig(
                1,
                List.of(10, 100, 500, 1_000),
                List.of(100, 1_000, 10_000),
                1_000,
                50,
                1 << 20,
                100,
                100,
                1L << 40,
                0);
        try (TopologyFixture topology =
                new TopologyFixture(stateDir, config -> config.withIndexing(quickRetry), engine)) {
            topology.send("space-1", observation(1, "taken"));
            topology.send("space-1", observation(2, "refused"));
            topology.send("space-1", observation(3, "taken-too"));
            topology.settle();
            SpaceIndex index = topology.store().view().index().find("space-1").orElseThrow();
            assertThat(index.size()).isEqualTo(3);

            assertThat(topology.rejections()).isEmpty();
            assertThat(topology.recallIds("space-1", new float[] {1, 2}, 1)).containsExactly("refused");
            assertThat(topology.metric(
                            "engram_streaming_batch_failures_total", "worker_id", "0", "error_type", "insert"))
                    .isPositive();
            assertThat(topology.progress().get("space-1/normal/s").orElseThrow().acknowledgedSequence())
                    .as("durable and recallable")
                    .isEqualTo(3);

            broken.set(false);
            SpaceIndex space = topology.store().view().index().find("space-1").orElseThrow();
            await().atMost(Duration.ofSeconds(20)).until(() -> space.failedIds().isEmpty());
            assertThat(space.vectors().orElseThrow().size()).isEqualTo(3);
            assertThat(topology.recallIds("space-1", new float[] {1, 2}, 1)).containsExactly("refused");
        }
    }

    @Test
    void shouldCountAMemoryOnceWhoseNewerVersionIsRefused() {
        AtomicBoolean broken = new AtomicBoolean();
        InterceptedEngine engine = new InterceptedEngine(TestEngines.create(), (id, vector) -> {
            if (broken.get()) {
                throw new IllegalStateException("forced failure");
            }
        });
        try (TopologyFixture topology = new TopologyFixture(
                stateDir, config -> config.withIndexing(config.indexing().withScanThreshold(0)), engine)) {
            topology.send("space-1", observation(1, "replaced"));
            topology.settle();
            broken.set(true);
            topology.send("space-1", observation(2, "replaced"));
            topology.settle();

            SpaceIndex index = topology.store().view().index().find("space-1").orElseThrow();
            assertThat(index.failedIds()).containsExactly("replaced");
            assertThat(index.size()).isEqualTo(1);
        }
    }

    private static Observation observation(long sequence, String id) {
        return Observation.observe("s", sequence, "c", new float[] {1, sequence})
                .withId(id);
    }
}
