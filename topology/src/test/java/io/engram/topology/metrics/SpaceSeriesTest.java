package io.engram.topology.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.SpaceSettings;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.admission.BackpressureLevel;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A space has series of its own while it is in use, as long as there is room for them or its traffic makes it. */
class SpaceSeriesTest {
    private static final String[] SHARED = {MetricNames.OTHER_SPACE, MetricNames.INVALID_SPACE};

    @TempDir
    Path stateDir;

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final AtomicLong nowMs = new AtomicLong();
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
        EngramMetrics metrics = metrics(10);

        assertThat(metrics.seen(MetricNames.OTHER_SPACE, 0)).isSameAs(metrics.shared());
        assertThat(metrics.seen(MetricNames.INVALID_SPACE, 0))
                .isSameAs(metrics.shared())
                .isNotSameAs(metrics.invalidSpace());
        registry.scrape(); // two samples of one series would be refused
    }

    @Test
    void shouldKeepSeriesWhileThePartitionOrAnIndexIsHere() {
        EngramMetrics metrics = metrics(1);
        AtomicInteger size = new AtomicInteger(2);
        IndexSeries index = new IndexSeries(metrics, "a", size::get);
        index.update();
        metrics.partitionStarted(0, BackpressureLevel.NORMAL);
        SpaceMetrics own = metrics.seen("a", 0);
        assertThat(own).isSameAs(metrics.knownSpace("a")).isNotSameAs(metrics.shared());

        metrics.partitionEnded(0);
        assertThat(metrics.knownSpace("a")).as("a standby has its index").isSameAs(own);
        index.close();
        assertThat(metrics.knownSpace("a")).isSameAs(metrics.shared());
        assertThat(labels()).containsExactlyInAnyOrder(SHARED);
    }

    @Test
    void shouldGiveThePlaceOfTheQuietestToTheBusiest() {
        EngramMetrics metrics = metrics(3);
        metrics.partitionStarted(0, BackpressureLevel.WARNING);
        for (String first : List.of("a", "b", "c")) {
            metrics.seen(first, 0);
        }
        minutes(1);
        seen(metrics, "a", 100);
        seen(metrics, "b", 40);
        seen(metrics, "c", 30);
        seen(metrics, "busy", 200);
        seen(metrics, "busier", 300);
        minutes(1);
        assertThat(labels()).as("one at a time").contains("a", "b", "busier").doesNotContain("c", "busy");
        assertThat(metrics.seen("c", 0)).isSameAs(metrics.shared());

        seen(metrics, "a", 100);
        seen(metrics, "b", 40);
        seen(metrics, "busier", 50);
        seen(metrics, "c", 70);
        minutes(1);
        assertThat(labels())
                .as("not twice as many as the quietest")
                .contains("a", "b", "busier")
                .doesNotContain("c");
    }

    @Test
    void shouldNotChangePlacesForAHandfulOfRecords() {
        EngramMetrics metrics = metrics(2);
        metrics.partitionStarted(0, BackpressureLevel.NORMAL);
        metrics.seen("a", 0);
        metrics.seen("b", 0);
        for (int minute = 0; minute < 30; minute++) {
            seen(metrics, "c" + minute, 9);
            minutes(1);
            assertThat(labels()).contains("a", "b");
        }
        for (int minute = 0; minute < 31; minute++) {
            minutes(1);
        }
        metrics.seen("d", 0);
        minutes(1);
        assertThat(labels()).as("one was idle for an hour").contains("d");
    }

    @Test
    void shouldCountTheIndexUnderWhoeverHasThePlace() {
        EngramMetrics metrics = metrics(1);
        metrics.partitionStarted(0, BackpressureLevel.NORMAL);
        metrics.seen("a", 0);
        new IndexSeries(metrics, "a", () -> 5).update();
        new IndexSeries(metrics, "b", () -> 7).update();
        assertThat(sizes()).containsExactlyInAnyOrderEntriesOf(Map.of("a", 5.0, MetricNames.OTHER_SPACE, 7.0));

        seen(metrics, "b", 50);
        minutes(1);

        assertThat(sizes()).containsExactlyInAnyOrderEntriesOf(Map.of("b", 7.0, MetricNames.OTHER_SPACE, 5.0));
    }

    @Test
    void shouldNotGrowWithNames() {
        Traffic traffic = new Traffic(3);
        for (int i = 0; i < 1_000; i++) {
            traffic.add("rare" + i, 0);
            traffic.add("frequent", i);
        }
        assertThat(traffic.shares()).hasSizeLessThanOrEqualTo(3);
        assertThat(traffic.shares().get(0)).satisfies(share -> {
            assertThat(share.name()).isEqualTo("frequent");
            assertThat(share.partition()).isEqualTo(999);
            assertThat(share.count()).isBetween(400L, 1_000L);
        });
    }

    private EngramMetrics metrics(int maxSpaces) {
        return new EngramMetrics(registry, maxSpaces, nowMs::get);
    }

    private static void seen(EngramMetrics metrics, String space, int times) {
        for (int i = 0; i < times; i++) {
            metrics.seen(space, 0);
        }
    }

    /** Scrapes once a minute. */
    private void minutes(int minutes) {
        for (int i = 0; i < minutes; i++) {
            nowMs.addAndGet(60_000);
            registry.scrape();
        }
    }

    private Set<String> labels() {
        return TopologyFixture.spacesOf(registry);
    }

    private Map<String, Double> sizes() {
        Map<String, Double> sizes = new HashMap<>();
        for (MetricSnapshot family : registry.scrape()) {
            if (family.getMetadata().getName().equals(MetricNames.INDEX_SIZE)) {
                family.getDataPoints()
                        .forEach(point -> sizes.put(
                                point.getLabels().get("memory_space"),
                                ((GaugeSnapshot.GaugeDataPointSnapshot) point).getValue()));
            }
        }
        return sizes;
    }
}
