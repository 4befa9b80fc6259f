package io.engram.topology.apply;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Metadata;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.SpaceSettings;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.format.SessionKey;
import io.engram.topology.recall.MetadataFilter;
import io.engram.topology.recall.RecallOutcome;
import io.engram.topology.recall.RecallRequest;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.tick.SessionConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChangesTest {
    private static final String SPACE = "space-1";
    private static final Instant T0 = TopologyFixture.START;

    @TempDir
    Path stateDir;

    private TopologyFixture topology;
    private long sequence;

    /** Of spaces so small recall reads the store; see {@link IndexedChangesTest} for those that have an index. */
    int scanThreshold() {
        return 1_000;
    }

    @BeforeEach
    void start() {
        topology = new TopologyFixture(
                stateDir,
                config -> config.withIndexing(config.indexing().withScanThreshold(scanThreshold())),
                TestEngines.create());
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private Observation observe(String id, String content, float... embedding) {
        return Observation.observe("s", ++sequence, content, embedding).withId(id);
    }

    private String content(String id) {
        return topology.store().view().memory(SPACE, id).orElseThrow().content();
    }

    @Test
    void shouldReplaceMemoryOfSameId() {
        topology.send(SPACE, observe("a", "old", 1, 0));
        topology.send(SPACE, observe("a", "new", 0, 1));
        topology.settle();

        RecallOutcome.Found found =
                (RecallOutcome.Found) topology.recall(RecallRequest.of(SPACE, new float[] {0, 1}, 5));

        assertThat(found.memories()).hasSize(1);
        assertThat(found.memories().get(0).memory().orElseThrow().content()).isEqualTo("new");
        assertThat(found.memories().get(0).similarity()).isEqualTo(1f);
        assertThat(topology.store().size(SPACE).memories()).isEqualTo(1);
    }

    @Test
    void shouldForget() {
        topology.send(SPACE, observe("a", "x", 1, 0));
        topology.send(SPACE, observe("b", "y", 0, 1));
        topology.send(SPACE, Observation.forget("s", ++sequence, "a"));
        topology.settle();

        assertThat(topology.recallIds(SPACE, new float[] {1, 0}, 5)).containsExactly("b");
        assertThat(topology.store().view().memory(SPACE, "a")).isEmpty();
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldAcceptForgetOfUnknownIdAndCountIt() {
        topology.send(SPACE, observe("a", "x", 1, 0));
        topology.send(SPACE, Observation.forget("s", ++sequence, "nobody"));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.metric("engram_streaming_forgets_unknown_total", "memory_space", SPACE))
                .isEqualTo(1);
    }

    @Test
    void shouldLetNewestChangeByEnqueueTimeWinAcrossLanes() {
        topology.sendAt(Lane.HIGH, SPACE, observe("a", "second", 1, 0), T0.plusSeconds(2));
        sequence = 0;
        topology.sendAt(Lane.LOW, SPACE, observe("a", "first", 0, 1), T0.plusSeconds(1));
        topology.settle();

        assertThat(content("a")).isEqualTo("second");
        assertThat(topology.metric("engram_streaming_observations_superseded_total", "memory_space", SPACE))
                .isEqualTo(1);
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldLetARepeatWinOverWhatWasEnqueuedBeforeItAndComesLater() {
        topology.sendAt(Lane.NORMAL, SPACE, observe("a", "said", 1, 0), T0.plusSeconds(1));
        topology.sendAt(Lane.NORMAL, SPACE, observe("b", "said", 0, 1), T0.plusSeconds(1));
        topology.sendAt(Lane.NORMAL, SPACE, observe("a", "said", 1, 0), T0.plusSeconds(3));
        topology.sendAt(Lane.NORMAL, SPACE, observe("b", "said", 0, 1), T0.plusSeconds(3));

        topology.sendAt(Lane.LOW, SPACE, Observation.forget("l", 1, "a"), T0.plusSeconds(2));
        topology.sendAt(
                Lane.LOW,
                SPACE,
                Observation.observe("l", 2, "between", new float[] {1, 1}).withId("b"),
                T0.plusSeconds(2));
        topology.settle();

        assertThat(content("a")).isEqualTo("said");
        assertThat(content("b")).isEqualTo("said");
        assertThat(topology.recallIds(SPACE, new float[] {1, 0}, 5)).containsExactly("a", "b");
        assertThat(topology.metric("engram_streaming_observations_superseded_total", "memory_space", SPACE))
                .isEqualTo(2);
    }

    @Test
    void shouldLetAnOlderRepeatChangeNoTime() {
        topology.sendAt(Lane.NORMAL, SPACE, observe("a", "said", 1, 0), T0.plusSeconds(3));
        topology.sendAt(
                Lane.LOW,
                SPACE,
                Observation.observe("l", 1, "said", new float[] {1, 0}).withId("a"),
                T0.plusSeconds(1));

        topology.sendAt(Lane.HIGH, SPACE, Observation.forget("h", 1, "a"), T0.plusSeconds(2));
        topology.settle();

        assertThat(content("a")).isEqualTo("said");
    }

    @Test
    void shouldNotBringBackForgottenMemoryByOlderObservation() {
        topology.sendAt(Lane.HIGH, SPACE, Observation.forget("s", 1, "a"), T0.plusSeconds(2));
        topology.sendAt(
                Lane.LOW,
                SPACE,
                Observation.observe("s", 1, "late", new float[] {1, 0}).withId("a"),
                T0.plusSeconds(1));
        topology.sendAt(
                Lane.LOW,
                SPACE,
                Observation.observe("s", 2, "anew", new float[] {1, 0}).withId("a"),
                T0.plusSeconds(3));
        topology.settle();

        assertThat(content("a")).isEqualTo("anew");
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldRememberWhatWasForgottenWhileATransactionHoldsUpOlderObservations() {
        topology.close();
        topology = new TopologyFixture(
                stateDir.resolve("short"),
                config -> config.withSessions(new SessionConfig(1_000, 10_000, 10_000))
                        .withIndexing(config.indexing().withScanThreshold(scanThreshold())),
                TestEngines.create());
        for (Lane lane : Lane.ALL) {
            PartitionDepth depth =
                    topology.runtime().depths().of(new LanePartition(lane, 0)).orElseThrow();
            depth.positionAtLeast(0);
            depth.ends(0, lane == Lane.LOW ? 2 : 0, 0);
        }
        topology.sendAt(Lane.HIGH, SPACE, Observation.forget("f", 1, "a"), T0.plusSeconds(2));
        topology.sendAt(Lane.HIGH, SPACE, observe("b", "later", 1, 0), T0.plusSeconds(3));
        topology.settle();
        topology.advance(Duration.ofSeconds(30));

        topology.sendAt(
                Lane.LOW,
                SPACE,
                Observation.observe("s", 1, "late", new float[] {1, 0}).withId("a"),
                T0.plusSeconds(1));
        topology.settle();

        assertThat(topology.recallIds(SPACE, new float[] {1, 0}, 5)).doesNotContain("a");
    }

    @Test
    void shouldFixDimensionByFirstObservation() {
        topology.send(SPACE, observe("a", "x", 1, 0));
        topology.send(SPACE, observe("b", "y", 1, 0, 0));
        topology.send(SPACE, observe("c", "z", 0, 1));
        topology.settle();

        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections).hasSize(1);
        assertThat(rejections.get(0).reason()).isEqualTo("invalid_observation");
        assertThat(rejections.get(0).detail()).contains("3 dimensions", "has 2");
        assertThat(topology.recallIds(SPACE, new float[] {0, 1}, 5)).containsExactly("c", "a");
    }

    @Test
    void shouldFixDimensionByConfigure() {
        topology.send(SPACE, Observation.configure("s", ++sequence, SpaceSettings.ofDimension(3)));
        topology.send(SPACE, observe("a", "x", 1, 0));
        topology.send(SPACE, Observation.configure("s", ++sequence, SpaceSettings.ofDimension(4)));

        assertThat(topology.rejections())
                .extracting(TopologyFixture.Rejection::detail)
                .satisfiesExactly(
                        detail -> assertThat(detail).contains("2 dimensions"),
                        detail -> assertThat(detail).contains("drop the space"));
    }

    @Test
    void shouldDropSpaceAtOnceAndSweepItsMemories() {
        for (int i = 0; i < 600; i++) {
            topology.send(SPACE, observe("old" + i, "old " + i, 1, i));
        }
        topology.settle();
        topology.send(SPACE, Observation.of(Operation.DROP, "s", ++sequence));

        assertThat(topology.recall(RecallRequest.of(SPACE, new float[] {1, 0}, 5)))
                .isInstanceOf(RecallOutcome.UnknownSpace.class);
        assertThat(topology.store().view().memory(SPACE, "old1")).isEmpty();

        topology.send(SPACE, observe("new", "of another dimension", 1, 0, 0));
        for (int i = 0; i < 10; i++) {
            topology.advance(Duration.ofMillis(100));
        }
        topology.settle();
        assertThat(topology.recallIds(SPACE, new float[] {1, 0, 0}, 5)).containsExactly("new");
        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.store().view().spaces("", Optional.empty(), 10).spaces())
                .extracting(MemoryStore.KnownSpace::space)
                .containsExactly(SPACE);
    }

    @Test
    void shouldKeepWhatWasEnqueuedAfterADropThatCameLate() {
        topology.sendAt(Lane.HIGH, SPACE, observe("before", "x", 1, 0), T0.plusSeconds(1));
        topology.sendAt(Lane.HIGH, SPACE, observe("after", "y", 0, 1), T0.plusSeconds(3));
        topology.settle();
        topology.sendAt(Lane.LOW, SPACE, Observation.of(Operation.DROP, "other", 1), T0.plusSeconds(2));
        topology.sendAt(
                Lane.NORMAL, SPACE, Observation.configure("stale", 1, SpaceSettings.ofDimension(3)), T0.plusSeconds(1));
        topology.sendAt(Lane.LOW, SPACE, Observation.observe("other", 2, "z", new float[] {1, 1}), T0.plusSeconds(4));
        topology.advance(Duration.ofMillis(500));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.store().view().memory(SPACE, "before")).isEmpty();
        assertThat(topology.recallIds(SPACE, new float[] {0, 1}, 5))
                .contains("after")
                .hasSize(2);
    }

    @Test
    void shouldPurgeIdleSessionsButNotThoseWithOpenNumbers() {
        topology.sendAt(Lane.NORMAL, SPACE, observe("a", "x", 1, 0), T0);
        topology.sendAt(
                Lane.NORMAL, SPACE, Observation.observe("open", 1, "wrong dimension", new float[] {1, 2, 3}), T0);
        topology.settle();
        assertThat(topology.progress()).containsKeys(SPACE + "/normal/s", SPACE + "/normal/open");

        topology.leap(Duration.ofHours(25));
        topology.send(SPACE, Observation.observe("t", 1, "later", new float[] {0, 1}));
        topology.advance(Duration.ofSeconds(2));

        assertThat(topology.progress().get(SPACE + "/normal/s")).isEqualTo(Optional.empty());
        assertThat(topology.store().view().sessions().session(new SessionKey(SPACE, Lane.NORMAL, "s")))
                .isEmpty();
        assertThat(topology.store().view().sessions().session(new SessionKey(SPACE, Lane.NORMAL, "open")))
                .isPresent();
    }

    @Test
    void shouldFilterByMetadataAndSimilarity() {
        for (int i = 0; i < 50; i++) {
            topology.send(
                    SPACE,
                    observe("m" + i, "memory " + i, 1, i)
                            .withMetadata(
                                    Metadata.of(Map.of("n", i, "even", i % 2 == 0, "tags", List.of("t" + i % 3)))));
        }
        topology.settle();
        MetadataFilter filter = new MetadataFilter(List.of(
                new MetadataFilter.AnyOf("even", Set.of(true)),
                new MetadataFilter.AnyOf("tags", Set.of("t0", "t1")),
                new MetadataFilter.Range(
                        "n",
                        List.of(
                                new MetadataFilter.Bound(MetadataFilter.Side.GTE, 10),
                                new MetadataFilter.Bound(MetadataFilter.Side.LT, 20)))));
        RecallOutcome.Found found = (RecallOutcome.Found)
                topology.recall(new RecallRequest(SPACE, new float[] {1, 0}, 50, -1, filter, 100, Optional.empty()));
        RecallOutcome.Found similar = (RecallOutcome.Found) topology.recall(
                new RecallRequest(SPACE, new float[] {1, 0}, 50, 0.5, MetadataFilter.ALL, 100, Optional.empty()));

        assertThat(found.memories()).extracting(RecallOutcome.Recalled::id).containsExactly("m10", "m12", "m16", "m18");
        assertThat(similar.memories()).extracting(RecallOutcome.Recalled::id).containsExactly("m0", "m1");
    }

    @Test
    void shouldShowCommittedReadsOnlyWhatIsCommitted() {
        topology.send(SPACE, observe("a", "x", 1, 0));
        topology.settle();
        topology.send(SPACE, observe("b", "y", 1, 0));
        topology.settle();

        assertThat(committedIds(Map.of(Lane.NORMAL, 1L))).containsExactly("a");
        assertThat(committedIds(Map.of(Lane.NORMAL, 2L))).containsExactlyInAnyOrder("a", "b");
    }

    private List<String> committedIds(Map<Lane, Long> committed) {
        RecallRequest request =
                new RecallRequest(SPACE, new float[] {1, 0}, 5, -1, MetadataFilter.ALL, 100, Optional.of(committed));
        return ((RecallOutcome.Found) topology.recall(request))
                .memories().stream().map(RecallOutcome.Recalled::id).toList();
    }
}
