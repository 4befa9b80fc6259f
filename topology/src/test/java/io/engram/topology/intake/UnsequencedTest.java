package io.engram.topology.intake;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.SessionPosition;
import io.engram.schemas.SpaceSettings;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.TopologyFixture.Rejection;
import io.engram.topology.admission.AdmissionConfig;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.store.StoreTampering;
import io.engram.topology.tick.SessionConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Records without a session: no order is checked, the memory alone tells what came before. */
class UnsequencedTest {
    private static final String SPACE = "space-1";
    private static final Instant T0 = TopologyFixture.START;

    @TempDir
    Path stateDir;

    private TopologyFixture topology;

    /** Of spaces so small that recall reads the store; see {@link IndexedUnsequencedTest} for those that have an index. */
    int scanThreshold() {
        return 1_000;
    }

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
        topology = new TopologyFixture(
                stateDir,
                config -> config.withAdmission(small)
                        .withSessions(new SessionConfig(60_000, 300_000, 600_000))
                        .withIndexing(config.indexing().withScanThreshold(scanThreshold())),
                TestEngines.create());
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private static Observation observe(String id, String content) {
        return bare(content).withId(id);
    }

    /** Without an id as well. */
    private static Observation bare(String content) {
        return Observation.observe(content, new float[] {1, content.length()});
    }

    private Optional<StoredMemory> memory(String id) {
        return topology.store().view().memory(SPACE, id);
    }

    private Optional<String> content(String id) {
        return memory(id).map(StoredMemory::content);
    }

    private double counted(String name) {
        return topology.metric("engram_streaming_" + name + "_total", "memory_space", SPACE);
    }

    private PartitionDepth depth(Lane lane) {
        return topology.runtime().depths().of(new LanePartition(lane, 0)).orElseThrow();
    }

    private void overload() {
        PartitionDepth depth = depth(Lane.NORMAL);
        depth.ends(depth.position() + 2_000, depth.position() + 2_000, 0);
        topology.advance(Duration.ofMillis(100));
    }

    private void relax() {
        PartitionDepth depth = depth(Lane.NORMAL);
        depth.ends(depth.position(), depth.position(), 0);
        topology.advance(Duration.ofSeconds(2));
    }

    /** Sends it to a full lane; the space must be known. */
    private Rejection shed(Observation observation) {
        overload();
        topology.send(SPACE, observation);
        relax();
        List<Rejection> rejections = topology.rejections();
        assertThat(rejections).extracting(Rejection::reason).containsExactly("over_capacity");
        return rejections.get(0);
    }

    /** Time goes on, records say so, and nothing else is on its way. */
    private void pass(Duration duration) {
        Lane.ALL.forEach(lane -> {
            depth(lane).positionAtLeast(0);
            depth(lane).ends(0, 0, 0);
        });
        topology.advance(duration);
        topology.send(SPACE, bare("moves the lane's time"));
        topology.advance(Duration.ofSeconds(3));
    }

    /** A first memory, so that the space is known and the lane has a position. */
    private void begin() {
        topology.send(SPACE, observe("first", "one"));
        topology.settle();
    }

    @Test
    void shouldRememberWithoutKeepingAnythingOfASession() {
        topology.send(SPACE, observe("a", "text"));
        topology.settle();

        assertThat(topology.recallIds(SPACE, new float[] {1, 4}, 5)).containsExactly("a");
        assertThat(memory("a").orElseThrow().position()).isEmpty();
        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.progress()).isEmpty();
        assertThat(topology.sessionKeys()).noneMatch(key -> key.get()[0] == StoreKeys.SESSION);
        assertThat(topology.metric("engram_streaming_active_sessions_total")).isZero();
    }

    @Test
    void shouldLeaveTheOrderOfSessionsAlone() {
        topology.send(SPACE, Observation.observe("s", 1, "one", new float[] {1, 1}));
        topology.send(SPACE, observe("a", "between"));
        topology.send(SPACE, Observation.observe("s", 2, "two", new float[] {1, 2}));
        topology.send(SPACE, Observation.observe("s", 4, "leaves a gap", new float[] {1, 4}));
        topology.settle();

        assertThat(topology.rejectionReasons()).containsExactly("invalid_sequence");
        assertThat(topology.progress().get(SPACE + "/normal/s").orElseThrow().acknowledgedSequence())
                .isEqualTo(2);
        assertThat(content("a")).contains("between");
        assertThat(memory("s:normal:0:2").orElseThrow().position()).contains(new SessionPosition("s", 2));
    }

    @Test
    void shouldRejectTheSameAgainAsADuplicateAndMakeTheMemoryAsNewAsThat() {
        topology.sendAt(Lane.NORMAL, SPACE, observe("a", "text"), T0.plusSeconds(1));
        topology.sendAt(Lane.NORMAL, SPACE, observe("a", "text"), T0.plusSeconds(5));
        topology.settle();

        List<Rejection> rejections = topology.rejections();
        assertThat(rejections).extracting(Rejection::reason).containsExactly("duplicate");
        assertThat(rejections.get(0).detail()).contains("memory 'a' is stored already with the same content");
        assertThat(memory("a").orElseThrow().enqueuedAtMs())
                .isEqualTo(T0.plusSeconds(5).toEpochMilli());
        topology.sendAt(Lane.LOW, SPACE, Observation.forget("a"), T0.plusSeconds(3));
        assertThat(content("a")).as("what was sent before it came later").contains("text");
    }

    @Test
    void shouldReplaceByOtherContent() {
        topology.send(SPACE, observe("a", "old"));
        topology.send(SPACE, observe("a", "newer"));
        topology.send(SPACE, observe("a", "old"));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("a"))
                .as("nothing but a session tells a late retry from a change")
                .contains("old");
        assertThat(topology.recallIds(SPACE, new float[] {1, 3}, 5)).containsExactly("a");
        assertThat(topology.store().size(SPACE).memories()).isEqualTo(1);
    }

    @Test
    void shouldKnowADuplicateWhoeverWroteItFirst() {
        topology.send(
                SPACE, Observation.observe("s", 1, "text", new float[] {1, 4}).withId("a"));
        topology.send(SPACE, observe("a", "text"));
        topology.send(SPACE, observe("b", "text"));
        topology.send(
                SPACE, Observation.observe("s", 2, "text", new float[] {1, 4}).withId("b"));
        topology.settle();

        assertThat(topology.rejectionReasons()).containsExactly("duplicate", "duplicate");
        assertThat(memory("a").orElseThrow().position()).contains(new SessionPosition("s", 1));
        assertThat(topology.progress().get(SPACE + "/normal/s").orElseThrow().acknowledgedSequence())
                .isEqualTo(2);
    }

    @Test
    void shouldNameWhatHasNoIdAfterItsPlaceOnTheLane() {
        topology.send(SPACE, bare("text"));
        topology.send(SPACE, bare("text"));
        topology.send(Lane.HIGH, SPACE, bare("text"));
        topology.settle();

        assertThat(topology.rejections()).as("each is a memory of its own").isEmpty();
        assertThat(topology.recallIds(SPACE, new float[] {1, 4}, 5))
                .containsExactlyInAnyOrder("normal-0-0", "normal-0-1", "high-0-0");
    }

    @Test
    void shouldTakeNoMemorysPlaceForWhatHasNoId() {
        // As from a lane that was made again since, where the same offsets come again.
        topology.sendAt(Lane.NORMAL, SPACE, observe("normal-0-1", "of before"), T0.plusSeconds(1));
        topology.sendAt(Lane.NORMAL, SPACE, bare("text"), T0.plusSeconds(2));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("normal-0-1")).contains("of before");
        assertThat(content("normal-0-1-" + T0.plusSeconds(2).toEpochMilli())).contains("text");
    }

    @Test
    void shouldForgetAndCountWhatIsUnknown() {
        topology.send(SPACE, observe("a", "x"));
        topology.send(SPACE, bare("yy"));
        topology.send(SPACE, Observation.forget("a"));
        topology.send(SPACE, Observation.forget("normal-0-1"));
        topology.send(SPACE, Observation.forget("nobody"));
        topology.send(SPACE, Observation.forget("a"));
        topology.settle();

        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 5)).isEmpty();
        assertThat(topology.store().size(SPACE).memories()).isZero();
        assertThat(topology.rejections()).isEmpty();
        assertThat(counted("forgets_unknown")).isEqualTo(2);
    }

    @Test
    void shouldConfigureAndDrop() {
        topology.send(SPACE, Observation.configure(SpaceSettings.ofDimension(3)));
        topology.send(SPACE, observe("a", "two dimensions"));
        topology.send(SPACE, Observation.configure(SpaceSettings.ofDimension(4)));
        assertThat(topology.rejections())
                .extracting(Rejection::detail)
                .satisfiesExactly(
                        detail -> assertThat(detail).contains("2 dimensions"),
                        detail -> assertThat(detail).contains("drop the space"));

        topology.advance(Duration.ofMillis(1));
        topology.send(SPACE, Observation.of(Operation.DROP));
        topology.advance(Duration.ofMillis(1));
        topology.send(SPACE, observe("a", "two dimensions"));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("a")).contains("two dimensions");
    }

    @Test
    void shouldLetTheLaterChangeWinWhateverComesFirst() {
        topology.sendAt(Lane.HIGH, SPACE, observe("replaced", "second"), T0.plusSeconds(2));
        topology.sendAt(Lane.HIGH, SPACE, Observation.forget("forgotten"), T0.plusSeconds(2));
        topology.sendAt(Lane.HIGH, SPACE, Observation.forget("low-0-2"), T0.plusSeconds(2));

        topology.sendAt(Lane.LOW, SPACE, observe("replaced", "first"), T0.plusSeconds(1));
        topology.sendAt(Lane.LOW, SPACE, observe("forgotten", "first"), T0.plusSeconds(1));
        topology.sendAt(Lane.LOW, SPACE, bare("first"), T0.plusSeconds(1));
        topology.sendAt(Lane.LOW, SPACE, Observation.forget("replaced"), T0.plusSeconds(1));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("replaced")).contains("second");
        assertThat(topology.recallIds(SPACE, new float[] {1, 6}, 5)).containsExactly("replaced");
        assertThat(counted("observations_superseded")).isEqualTo(4);
    }

    @Test
    void shouldRememberAnewWhatExpired() {
        topology.send(
                SPACE, Observation.configure(SpaceSettings.ofRetention(OptionalLong.of(1_000), OptionalLong.empty())));
        topology.send(SPACE, observe("a", "text"));
        topology.leap(Duration.ofSeconds(5));

        topology.send(SPACE, observe("a", "text"));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("a")).contains("text");
    }

    @Test
    void shouldAcceptWhatWasShedOnce() {
        begin();
        Rejection shed = shed(observe("a", "text"));
        overload();

        topology.redeliver(Lane.NORMAL, shed);
        topology.redeliver(Lane.NORMAL, shed);
        relax();
        topology.settle();

        assertThat(topology.rejections()).as("never shed again").isEmpty();
        assertThat(content("a")).contains("text");
        assertThat(memory("a").orElseThrow().enqueuedAtMs())
                .isEqualTo(Long.parseLong(shed.header(RejectionHeaders.ENQUEUED_AT)));
        assertThat(counted("redelivered_dropped")).isEqualTo(1);
    }

    @Test
    void shouldNameWhatWasShedAfterWhereItWasFirst() {
        begin();
        Rejection shed = shed(bare("text"));
        String id = "normal-0-" + shed.header(RejectionHeaders.SOURCE_OFFSET);

        topology.redeliver(Lane.NORMAL, shed);
        topology.redeliver(Lane.NORMAL, shed);
        topology.settle();

        assertThat(id).isEqualTo("normal-0-1");
        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.recallIds(SPACE, new float[] {1, 4}, 5)).containsExactly(id, "first");
        assertThat(counted("redelivered_dropped")).isEqualTo(1);
    }

    @Test
    void shouldTellRecordsApartThatAreAlikeByteForByte() {
        begin();
        overload();
        topology.send(SPACE, bare("text"));
        topology.send(SPACE, bare("text"));
        relax();
        List<Rejection> shed = topology.rejections();

        shed.forEach(one -> topology.redeliver(Lane.NORMAL, one));
        shed.forEach(one -> topology.redeliver(Lane.NORMAL, one));
        topology.settle();

        assertThat(topology.recallIds(SPACE, new float[] {1, 4}, 5))
                .containsExactlyInAnyOrder("normal-0-1", "normal-0-2", "first");
        assertThat(topology.store().size(SPACE).memories()).isEqualTo(3);
        assertThat(counted("redelivered_dropped")).isEqualTo(2);
    }

    @Test
    void shouldDropWhatWasSentAgainMeanwhile() {
        begin();
        Rejection shed = shed(observe("a", "text"));
        topology.send(SPACE, observe("a", "text"));
        long enqueuedAt = memory("a").orElseThrow().enqueuedAtMs();

        topology.redeliver(Lane.NORMAL, shed);
        topology.send(SPACE, observe("a", "later"));
        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("a")).contains("later");
        assertThat(memory("a").orElseThrow().enqueuedAtMs()).isGreaterThanOrEqualTo(enqueuedAt);
        assertThat(counted("redelivered_dropped")).isEqualTo(2);
    }

    @Test
    void shouldGiveWayToNewerChangesWhenItComesBack() {
        begin();
        Rejection replaced = shed(observe("a", "v1"));
        Rejection forgotten = shed(observe("b", "v1"));
        Rejection unnamed = shed(bare("v1"));
        Rejection named = shed(bare("v1"));
        Rejection dropped = shed(observe("c", "v1"));
        topology.send(SPACE, observe("a", "v2"));
        topology.send(SPACE, Observation.forget("b"));
        topology.send(SPACE, Observation.forget("normal-0-3"));
        topology.send(SPACE, observe("normal-0-4", "named by a client"));
        List.of(replaced, forgotten, unnamed, named).forEach(shed -> topology.redeliver(Lane.NORMAL, shed));
        topology.settle();

        assertThat(content("a")).contains("v2");
        assertThat(content("normal-0-4")).contains("named by a client");
        assertThat(topology.recallIds(SPACE, new float[] {1, 2}, 9))
                .containsExactlyInAnyOrder("first", "a", "normal-0-4");
        topology.send(SPACE, Observation.of(Operation.DROP));
        topology.redeliver(Lane.NORMAL, dropped);
        topology.settle();
        assertThat(topology.store().space(SPACE).exists()).isFalse();
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldKeepATombstoneWhileAnOlderRecordMayComeBack() {
        begin();
        Rejection shed = shed(observe("a", "v1"));
        topology.send(SPACE, Observation.forget("a"));
        pass(Duration.ofMinutes(7));

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(content("a")).isEmpty();
        assertThat(topology.store().memory(SPACE, "a")).isPresent();
        assertThat(topology.rejections()).isEmpty();
        pass(Duration.ofSeconds(10));
        assertThat(topology.store().memory(SPACE, "a"))
                .as("nothing older is left")
                .isEmpty();
    }

    @Test
    void shouldShedNothingButObservations() {
        begin();
        overload();
        topology.send(SPACE, Observation.forget("first"));
        topology.send(SPACE, Observation.configure(SpaceSettings.ofDimension(2)));
        topology.send(SPACE, Observation.of(Operation.DROP));

        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.store().space(SPACE).exists()).isFalse();
    }

    @Test
    void shouldKnowADuplicateOnAFullLane() {
        begin();
        overload();
        topology.send(SPACE, observe("first", "one"));

        assertThat(topology.rejectionReasons()).containsExactly("duplicate");
    }

    @Test
    void shouldRejectAgainWhatIsWrongNow() {
        begin();
        Rejection shed = shed(observe("a", "text"));
        topology.send(SPACE, Observation.of(Operation.DROP));
        topology.advance(Duration.ofMillis(200));
        topology.send(SPACE, Observation.observe("three", new float[] {1, 2, 3}));

        topology.redeliver(Lane.NORMAL, shed);

        List<Rejection> again = topology.rejections();
        assertThat(again).extracting(Rejection::reason).containsExactly("invalid_observation");
        assertThat(again.get(0).header(RejectionHeaders.SOURCE_OFFSET))
                .isEqualTo(shed.header(RejectionHeaders.SOURCE_OFFSET));
    }

    @Test
    void shouldDeferNothingThatIsMalformed() {
        topology.sendRaw(
                Lane.NORMAL,
                Optional.of(SPACE.getBytes(StandardCharsets.UTF_8)),
                Optional.of("{\"content\":\"c\",\"embedding\":[0,0]}".getBytes(StandardCharsets.UTF_8)),
                Map.of());
        Rejection rejection = topology.rejections().get(0);
        assertThat(rejection.reason()).isEqualTo("invalid_observation");

        topology.redeliver(Lane.NORMAL, rejection);

        assertThat(topology.rejectionReasons()).as("a record like any other").containsExactly("invalid_observation");
        assertThat(topology.store().deferred().find(Lane.NORMAL, 0)).isEmpty();
    }

    @Test
    void shouldKnowWhatFailedWhenItIsReplayed() {
        begin();
        StoreTampering.putMemory(topology.store(), SPACE, "normal-0-1", Optional.of(new byte[] {99}));
        topology.send(SPACE, bare("text"));
        StoreTampering.putMemory(topology.store(), SPACE, "normal-0-1", Optional.empty());
        Rejection failed = topology.rejections().get(0);
        assertThat(failed.reason()).isEqualTo("internal_error");

        topology.redeliver(Lane.NORMAL, failed);
        topology.redeliver(Lane.NORMAL, failed);
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.recallIds(SPACE, new float[] {1, 4}, 5)).containsExactly("normal-0-1", "first");
    }
}
