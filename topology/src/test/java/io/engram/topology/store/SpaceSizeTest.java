package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.SpaceSettings;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.format.SpaceSize;
import io.engram.topology.metrics.MetricNames;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How much spaces hold, and which of them have an index. */
class SpaceSizeTest {
    private static final String SPACE = "space";
    private static final int THRESHOLD = 10;

    @TempDir
    Path stateDir;

    private final Map<Lane, Long> sequences = new HashMap<>();

    private TopologyFixture start() {
        return start(THRESHOLD);
    }

    private TopologyFixture start(int threshold) {
        return new TopologyFixture(
                stateDir,
                config -> config.withIndexing(config.indexing().withScanThreshold(threshold)),
                TestEngines.create());
    }

    private long next(Lane lane) {
        return sequences.merge(lane, 1L, Long::sum);
    }

    private Observation memory(Lane lane, String id, int direction) {
        return Observation.observe(lane.label(), next(lane), "memory " + direction, new float[] {
                    1, direction, direction * direction
                })
                .withId(id);
    }

    private void remember(TopologyFixture topology, String id, int direction) {
        topology.send(SPACE, memory(Lane.NORMAL, id, direction));
    }

    private void forget(TopologyFixture topology, String id) {
        topology.send(SPACE, Observation.forget(Lane.NORMAL.label(), next(Lane.NORMAL), id));
    }

    private static boolean hasIndex(TopologyFixture topology) {
        return topology.store().view().index().find(SPACE).isPresent();
    }

    private static Set<String> recalled(TopologyFixture topology) {
        return new TreeSet<>(topology.recallIds(SPACE, new float[] {1, 2, 3}, 1_000));
    }

    private static Set<String> ids(int from, int to) {
        return IntStream.rangeClosed(from, to).mapToObj(i -> "m" + i).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void shouldRecallASmallSpaceWithoutAnIndex() {
        try (TopologyFixture topology = start()) {
            for (int i = 1; i <= THRESHOLD; i++) {
                remember(topology, "m" + i, i);
            }
            // Nobody was waited for: the record was done with when it was stored.
            assertThat(topology.runtime().depths().depth(Lane.NORMAL)).isZero();
            assertThat(hasIndex(topology)).isFalse();
            assertThat(recalled(topology)).isEqualTo(ids(1, THRESHOLD));
            assertThat(topology.recallIds(SPACE, new float[] {1, 3, 9}, 2)).containsExactly("m3", "m4");
            assertThat(topology.store().size(SPACE).memories()).isEqualTo(THRESHOLD);
            assertThat(topology.metric(
                            MetricNames.OBSERVATIONS, MetricNames.MEMORY_SPACE, SPACE, MetricNames.PRIORITY, "normal"))
                    .isEqualTo(THRESHOLD);
        }
    }

    @Test
    void shouldHaveAnIndexWhileLargeAndNoneWhenSmallAgain() {
        try (TopologyFixture topology = start()) {
            for (int i = 1; i <= THRESHOLD + 1; i++) {
                remember(topology, "m" + i, i);
                assertThat(recalled(topology)).as("after " + i).isEqualTo(ids(1, i));
            }
            await().atMost(Duration.ofSeconds(20))
                    .until(() ->
                            topology.store().view().index().searchable(SPACE).isPresent());
            assertThat(topology.store().view().index().find(SPACE).orElseThrow().size())
                    .isEqualTo(THRESHOLD + 1);
            assertThat(recalled(topology)).isEqualTo(ids(1, THRESHOLD + 1));

            remember(topology, "m12", 12);
            topology.settle();
            assertThat(recalled(topology)).isEqualTo(ids(1, 12));

            for (int i = 12; i > THRESHOLD / 2 + 1; i--) {
                forget(topology, "m" + i);
                assertThat(hasIndex(topology)).as("at " + (i - 1)).isTrue();
            }
            forget(topology, "m" + (THRESHOLD / 2 + 1));
            assertThat(hasIndex(topology)).isFalse();
            assertThat(recalled(topology)).isEqualTo(ids(1, THRESHOLD / 2));
            topology.settle();
        }
    }

    @Test
    void shouldBeLargeOnceItsBytesAreManyToo() {
        try (TopologyFixture topology = start(1_000)) {
            String content = "x".repeat(63 << 10);
            for (int i = 1; i <= 70; i++) {
                topology.send(
                        SPACE,
                        Observation.observe("s", i, content, new float[] {1, i}).withId("m" + i));
                SpaceSize size = topology.store().size(SPACE);
                assertThat(size.memories()).isEqualTo(i);
                assertThat(hasIndex(topology)).as("%s", size).isEqualTo(size.bytes() > 4 << 20);
            }
            assertThat(hasIndex(topology)).isTrue();
        }
    }

    @Test
    void shouldTakeTheIndexAwayWithADrop() {
        try (TopologyFixture topology = start()) {
            for (int i = 1; i <= THRESHOLD + 5; i++) {
                remember(topology, "m" + i, i);
            }
            topology.settle();
            topology.send(SPACE, Observation.of(Operation.DROP, Lane.NORMAL.label(), next(Lane.NORMAL)));
            assertThat(hasIndex(topology)).isFalse();
            assertThat(topology.store().size(SPACE)).isEqualTo(SpaceSize.EMPTY);
            remember(topology, "again", 1);
            assertThat(recalled(topology)).containsExactly("again");
            topology.advance(Duration.ofSeconds(2));
            assertThat(topology.store().size(SPACE).memories()).isEqualTo(1);
        }
    }

    /** Whatever happens to memories, the size is what is there. */
    @Test
    void shouldKnowTheExactSizeWhateverHappens() {
        Random random = new Random(7);
        try (TopologyFixture topology = start()) {
            for (int round = 0; round < 1_500; round++) {
                Lane lane = Lane.ALL.get(random.nextInt(Lane.ALL.size()));
                String id = "m" + random.nextInt(30);
                switch (random.nextInt(100)) {
                    case 0 -> topology.send(lane, SPACE, Observation.of(Operation.DROP, lane.label(), next(lane)));
                    case 1 ->
                        topology.send(
                                lane,
                                SPACE,
                                Observation.configure(
                                        lane.label(),
                                        next(lane),
                                        SpaceSettings.ofRetention(
                                                OptionalLong.empty(), OptionalLong.of(5 + random.nextInt(20)))));
                    case 2, 3 -> topology.advance(Duration.ofMillis(200));
                    default -> {
                        if (random.nextInt(3) == 0) {
                            topology.send(lane, SPACE, Observation.forget(lane.label(), next(lane), id));
                        } else {
                            // Some of them repeat what is stored.
                            topology.send(lane, SPACE, memory(lane, id, random.nextInt(4)));
                        }
                    }
                }
            }
            // What a drop left behind counts once the sweep has come by.
            topology.advance(Duration.ofSeconds(3));
            topology.settle();
            assertThat(topology.store().size(SPACE).memories()).isPositive();
            assertSizeIsExact(topology);
        }
    }

    private static void assertSizeIsExact(TopologyFixture topology) {
        MemoryView view = topology.store().view();
        long[] seen = new long[2];
        view.scan(SPACE, view.space(SPACE), (id, memory) -> {
            seen[0]++;
            seen[1] += memory.sizeBytes();
            return true;
        });
        SpaceSize size = topology.store().size(SPACE);
        assertThat(List.of(size.memories(), size.bytes())).isEqualTo(List.of(seen[0], seen[1]));
        assertThat(view.size(SPACE)).isEqualTo(size);
        assertThat(hasIndex(topology)).isEqualTo(size.isLarge());
        assertThat(recalled(topology)).hasSize((int) seen[0]);
    }

    @Test
    void shouldRoundTripAndRefuseAnotherVersion() {
        SpaceSize size = new SpaceSize(3, 5_000_000_000L, true);
        byte[] bytes = size.encode();
        assertThat(SpaceSize.decode(bytes)).isEqualTo(size);
        bytes[0] = 9;
        assertThatThrownBy(() -> SpaceSize.decode(bytes)).hasMessageContaining("version 9");
        assertThat(Optional.of(SpaceSize.EMPTY).filter(SpaceSize::isEmpty)).isPresent();
    }
}
