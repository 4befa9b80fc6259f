package io.engram.topology.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.SpaceSettings;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A space has series of its own while it is in use, as long as there is room for them. */
class SpaceSeriesTest {
    private static final String[] SHARED = {MetricNames.OTHER_SPACE, MetricNames.INVALID_SPACE};

    @TempDir
    Path stateDir;

    private TopologyFixture topology;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(
                stateDir, config -> config.withIndexing(config.indexing().withScanThreshold(0)), TestEngines.create());
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private void remember(String space) {
        topology.send(space, Observation.observe("s", 1, "c", new float[] {1, 0}));
    }

    private void drop(String space, long sequence) {
        topology.send(space, Observation.of(Operation.DROP, "s", sequence));
    }

    private double indexSize(String space) {
        return topology.metric("engram_hnsw_index_size", "memory_space", space);
    }

    @Test
    void shouldTakeSeriesAwayWithTheirSpace() {
        remember("a");
        remember("b");
        topology.settle();
        assertThat(topology.spacesOfMetrics()).contains("a", "b").contains(SHARED);
        assertThat(indexSize("a")).isEqualTo(1);

        drop("a", 2);
        topology.settle();

        assertThat(topology.spacesOfMetrics()).contains("b").doesNotContain("a");
        remember("b2");
        drop("b", 2);
        topology.send("a", Observation.observe("s", 3, "again", new float[] {1, 0}));
        topology.settle();
        assertThat(topology.spacesOfMetrics()).contains("a", "b2").doesNotContain("b");
        assertThat(indexSize("a")).isEqualTo(1);
        assertThat(topology.metric("engram_streaming_observations_total", "memory_space", "a", "priority", "normal"))
                .isEqualTo(1);
    }

    @Test
    void shouldGiveNoSeriesToSpacesThatAreOnlyNamed() {
        drop("never", 1);
        topology.send("forgotten", Observation.forget("s", 1, "a"));
        topology.send(
                "configured",
                Observation.configure(
                        "s", 1, new SpaceSettings(OptionalInt.empty(), OptionalLong.of(60_000), OptionalLong.empty())));
        topology.sendRaw(Lane.NORMAL, Optional.of("gap".getBytes()), Optional.of("no JSON".getBytes()), Map.of());
        topology.settle();

        assertThat(topology.spacesOfMetrics()).containsExactlyInAnyOrder(SHARED);
    }

    @Test
    void shouldScrapeAfterThousandsOfSpacesCameAndWent() {
        int spaces = 3 * TopologyFixture.MAX_METRIC_SPACES;
        for (int i = 0; i < spaces; i++) {
            remember("s" + i);
        }
        topology.settle();
        assertThat(topology.spacesOfMetrics()).hasSize(TopologyFixture.MAX_METRIC_SPACES + SHARED.length);
        assertThat(indexSize(MetricNames.OTHER_SPACE)).isEqualTo(2.0 * TopologyFixture.MAX_METRIC_SPACES);

        for (int i = 0; i < spaces; i++) {
            drop("s" + i, 2);
        }
        remember("late");
        topology.settle();

        assertThat(topology.spacesOfMetrics())
                .containsExactlyInAnyOrder("late", MetricNames.OTHER_SPACE, MetricNames.INVALID_SPACE);
        assertThat(indexSize(MetricNames.OTHER_SPACE)).isZero();
    }

    @Test
    void shouldNotMixSharedSeriesWithSpacesOfTheirNames() {
        PrometheusRegistry registry = new PrometheusRegistry();
        EngramMetrics metrics = new EngramMetrics(registry, 10);
        SpaceMetrics other = metrics.acquire(MetricNames.OTHER_SPACE);
        SpaceMetrics invalid = metrics.acquire(MetricNames.INVALID_SPACE);

        assertThat(other).isSameAs(metrics.shared());
        assertThat(invalid).isSameAs(metrics.shared()).isNotSameAs(metrics.invalidSpace());
        registry.scrape(); // two samples of one series would be refused

        metrics.release(other);
        metrics.release(invalid);
        assertThat(metrics.knownSpace(MetricNames.INVALID_SPACE)).isSameAs(metrics.shared());
        registry.scrape();
    }

    @Test
    void shouldKeepSeriesUntilTheLastHolderIsGone() {
        EngramMetrics metrics = new EngramMetrics(new PrometheusRegistry(), 1);
        SpaceMetrics first = metrics.acquire("a");
        SpaceMetrics second = metrics.acquire("a");
        assertThat(second).isSameAs(first);
        assertThat(metrics.acquire("b")).isSameAs(metrics.shared());

        metrics.release(first);
        assertThat(metrics.knownSpace("a")).isSameAs(second);
        metrics.release(second);

        assertThat(metrics.knownSpace("a")).isSameAs(metrics.shared());
        assertThat(metrics.acquire("b")).isNotSameAs(metrics.shared());
    }
}
