package io.engram.topology.intake;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionHeaders;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.TopologyFixture.Rejection;
import io.engram.topology.admission.AdmissionConfig;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.format.OpenRanges;
import io.engram.topology.format.SessionKey;
import io.engram.topology.tick.SessionConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
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
    private long clock;

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
                config -> config.withAdmission(small).withSessions(new SessionConfig(60_000, 300_000, 600_000)),
                TestEngines.create());
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
        depth.ends(depth.position() + 2_000, depth.position() + 2_000, 0);
        topology.advance(Duration.ofMillis(100));
    }

    private void relax() {
        depth.ends(depth.position(), depth.position(), 0);
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
        assertThat(topology.sessions().session(session()).orElseThrow().open().isEmpty())
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
        assertThat(topology.sessions().session(session()).orElseThrow().open().isEmpty())
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
        topology.advance(Duration.ofMinutes(9));

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
        assertThat(topology.sessions().session(session()).orElseThrow().open().isEmpty())
                .isTrue();
    }

    @Test
    void shouldTellIncarnationsOfASessionApart() {
        Observation anonymous = Observation.observe("s", 2, "of the first", new float[] {1, 7});
        Rejection shed = shed(anonymous);
        long incarnation = topology.sessions().session(session()).orElseThrow().incarnation();
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));
        topology.send(SPACE, observe(1, "second-1", "of the second"));
        topology.send(SPACE, observe(2, "second-2", "of the second"));

        topology.redeliver(Lane.NORMAL, shed);
        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("s:normal:" + incarnation + ":2")).contains("of the first");
        assertThat(content("second-2")).contains("of the second");
        assertThat(dropped()).isEqualTo(1);
        assertThat(topology.sessions().session(session()).orElseThrow().next()).isEqualTo(3);
        topology.send(SPACE, observe(3, "second-3", "goes on"));
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldKnowAnEarlierIncarnationWhenTheSessionItselfIsForgotten() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));
        topology.send(SPACE, observe(1, "b", "of the second"));
        topology.advance(Duration.ofMinutes(6));
        topology.send(SPACE, Observation.observe("other", 1, "moves the lane's time", new float[] {1, 2}));
        topology.advance(Duration.ofSeconds(3));
        assertThat(topology.sessions().session(session())).isEmpty();

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
        assertThat(topology.sessions().session(session()).orElseThrow().isClosed())
                .isTrue();
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
        assertThat(topology.sessions().session(session()).orElseThrow().next()).isEqualTo(2);
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

    private void sendWith(Observation observation, Map<String, String> headers) {
        topology.sendRaw(
                Lane.NORMAL,
                Optional.of(SPACE.getBytes(StandardCharsets.UTF_8)),
                Optional.of(ObservationCodec.encode(observation)),
                headers);
    }

    /** Time goes on, and records say so. */
    private void pass(Duration duration) {
        Lane.ALL.forEach(lane -> {
            PartitionDepth known =
                    topology.runtime().depths().of(new LanePartition(lane, 0)).orElseThrow();
            known.positionAtLeast(0);
            known.ends(0, 0, 0); // nothing else is on its way
        });
        topology.advance(duration);
        topology.send(SPACE, Observation.observe("clock", ++clock, "moves the lane's time", new float[] {1, 2}));
        topology.advance(Duration.ofSeconds(3));
    }

    private static Map<String, String> forged(Rejection rejection) {
        return Map.of(
                RejectionHeaders.REDELIVERED, "1",
                RejectionHeaders.ENQUEUED_AT, "0",
                RejectionHeaders.SOURCE_TOPIC, rejection.header(RejectionHeaders.SOURCE_TOPIC),
                RejectionHeaders.SOURCE_PARTITION, rejection.header(RejectionHeaders.SOURCE_PARTITION),
                RejectionHeaders.SOURCE_OFFSET, rejection.header(RejectionHeaders.SOURCE_OFFSET));
    }

    @Test
    void shouldRejectLikeAnyRecordWhatOnlyClaimsToComeAgain() {
        Map<String, String> claim = Map.of(RejectionHeaders.REDELIVERED, "1", RejectionHeaders.ENQUEUED_AT, "0");

        sendWith(observe(1, "c", "other content under a used number"), claim);
        sendWith(observe(1, "first", "one"), claim);
        overload();
        sendWith(observe(2, "a", "text"), claim);
        relax();

        assertThat(topology.rejectionReasons()).containsExactly("invalid_sequence", "duplicate", "over_capacity");
        assertThat(dropped()).isZero();
    }

    @Test
    void shouldTakeTheTimeOfARecordFromItsAppendWhateverItClaims() {
        sendWith(
                observe(2, "first", "two"),
                Map.of(RejectionHeaders.REDELIVERED, "1", RejectionHeaders.ENQUEUED_AT, "0"));

        assertThat(content("first")).contains("two");
        assertThat(topology.store().memory(SPACE, "first").orElseThrow().enqueuedAtMs())
                .isGreaterThanOrEqualTo(TopologyFixture.START.toEpochMilli());
    }

    @Test
    void shouldNotLetOtherContentTakeThePlaceOfWhatWasShed() {
        Rejection shed = shed(observe(2, "a", "text"));
        overload();

        sendWith(observe(2, "a", "forged"), forged(shed));
        assertThat(topology.rejectionReasons()).containsExactly("over_capacity");
        topology.redeliver(Lane.NORMAL, shed);

        assertThat(content("a")).contains("text");
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldNotTakeAnotherLanesWordForIt() {
        Rejection shed = shed(observe(2, "a", "text"));

        topology.redeliver(Lane.HIGH, shed);

        assertThat(topology.rejectionReasons()).containsExactly("invalid_sequence");
        topology.redeliver(Lane.NORMAL, shed);
        assertThat(content("a")).contains("text");
    }

    @Test
    void shouldTakeTheTimeOfWhatComesAgainFromTheStore() {
        Rejection shed = shed(observe(2, "a", "text"));
        long enqueuedAt = Long.parseLong(shed.header(RejectionHeaders.ENQUEUED_AT));
        topology.advance(Duration.ofMinutes(1));

        sendWith(observe(2, "a", "text"), forged(shed));

        assertThat(topology.store().memory(SPACE, "a").orElseThrow().enqueuedAtMs())
                .isEqualTo(enqueuedAt);
    }

    @Test
    void shouldNotHandACopyToTheNextIncarnation() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.redeliver(Lane.NORMAL, shed);
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));
        topology.send(SPACE, observe(1, "b", "of the second"));

        topology.redeliver(Lane.NORMAL, shed);
        topology.send(SPACE, observe(2, "c", "of the second"));

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("c")).contains("of the second");
    }

    @Test
    void shouldAcceptWhatWasRejectedAgainOnceItsFaultIsGone() {
        Rejection shed = shed(observe(2, "a", "text"));
        topology.send(SPACE, Observation.of(Operation.DROP, "s", 3));
        topology.advance(Duration.ofMillis(200));
        topology.send(SPACE, Observation.observe("s", 4, "three", new float[] {1, 2, 3}));
        topology.redeliver(Lane.NORMAL, shed);
        Rejection again = topology.rejections().get(0);

        topology.redeliver(Lane.NORMAL, again);

        assertThat(topology.rejectionReasons()).as("not passed over as a copy").containsExactly("invalid_observation");
    }

    @Test
    void shouldKeepATombstoneWhileAnOlderRecordMayComeBack() {
        Rejection shed = shed(observe(2, "a", "v1"));
        topology.send(SPACE, Observation.forget("s", 3, "a"));
        pass(Duration.ofMinutes(7));

        topology.redeliver(Lane.NORMAL, shed);
        topology.settle();

        assertThat(content("a")).isEmpty();
        assertThat(topology.store().memory(SPACE, "a")).isPresent();
        pass(Duration.ofSeconds(10));
        assertThat(topology.store().memory(SPACE, "a"))
                .as("nothing older is left")
                .isEmpty();
    }

    @Test
    void shouldKeepADropMarkWhileAnOlderRecordMayComeBack() {
        Rejection shed = shed(observe(2, "a", "v1"));
        topology.send(SPACE, Observation.of(Operation.DROP, "s", 3));
        pass(Duration.ofMinutes(7));

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(content("a")).isEmpty();
        assertThat(topology.store().space(SPACE).isDropped()).isTrue();
        pass(Duration.ofSeconds(10));
        assertThat(topology.store().space(SPACE).isDropped()).isFalse();
    }

    @Test
    void shouldForgetWhatTheTopicOfRejectionsHoldsNoMore() {
        Rejection shed = shed(observe(2, "a", "text"));
        pass(Duration.ofMinutes(12));
        pass(Duration.ofSeconds(3));
        assertThat(topology.store().deferred().find(Lane.NORMAL, 0)).isEmpty();
        assertThat(topology.sessions().session(session()))
                .as("its number is not open any more, and nobody uses it")
                .isEmpty();

        topology.redeliver(Lane.NORMAL, shed);

        assertThat(topology.rejectionReasons()).containsExactly("invalid_sequence");
    }

    @Test
    void shouldForgetEarlierIncarnationsWithTheirOpenNumbers() {
        Rejection shed = shed(observe(2, "a", "text"));
        long incarnation = topology.sessions().session(session()).orElseThrow().incarnation();
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));
        topology.send(SPACE, observe(1, "b", "of the second"));
        assertThat(topology.sessions().retiredSession(session(), incarnation)).isPresent();

        pass(Duration.ofMinutes(12));

        assertThat(topology.sessions().retiredSession(session(), incarnation)).isEmpty();
        assertThat(shed.reason()).isEqualTo("over_capacity");
    }

    @Test
    void shouldShedWhereNoNumberCanBeKeptOpenAndTakeItBackAlone() {
        for (long sequence = 2; sequence < 2 + 2 * OpenRanges.MAX_RANGES; sequence += 2) {
            sendBroken(sequence);
            topology.send(SPACE, observe(sequence + 1, "m" + sequence, "text"));
        }
        topology.rejections();
        long next = 2 + 2 * OpenRanges.MAX_RANGES;

        Rejection shed = shed(observe(next, "a", "text"));
        assertThat(shed.detail()).contains("200 ranges").contains("comes back by itself");
        topology.send(SPACE, observe(next, "a", "text"));
        topology.send(SPACE, observe(next, "a", "other"));
        List<Rejection> copies = topology.rejections();
        assertThat(copies).allSatisfy(copy -> {
            assertThat(copy.reason()).isEqualTo("over_capacity");
            assertThat(copy.detail()).contains("comes back by itself").contains("not needed");
        });
        topology.redeliver(Lane.NORMAL, shed);
        topology.redeliver(Lane.NORMAL, shed);
        copies.forEach(copy -> topology.redeliver(Lane.NORMAL, copy));
        topology.send(SPACE, observe(next, "a", "text"));

        assertThat(content("a")).contains("text");
        assertThat(topology.rejectionReasons()).containsExactly("duplicate");
        assertThat(dropped()).isEqualTo(3);
    }

    @Test
    void shouldShedARetryWithinARangeThatCannotBeSplit() {
        for (long sequence = 2; sequence < 2 * OpenRanges.MAX_RANGES; sequence += 2) {
            sendBroken(sequence);
            topology.send(SPACE, observe(sequence + 1, "m" + sequence, "text"));
        }
        topology.rejections();
        long first = 2 * OpenRanges.MAX_RANGES;
        List<Rejection> shed = new ArrayList<>();
        for (long sequence = first; sequence < first + 3; sequence++) {
            shed.add(shed(observe(sequence, "s" + sequence, "text")));
        }

        topology.send(SPACE, observe(first + 1, "s" + (first + 1), "text"));
        Rejection retry = topology.rejections().get(0);
        assertThat(retry.reason()).isEqualTo("over_capacity");
        shed.forEach(one -> topology.redeliver(Lane.NORMAL, one));
        topology.send(SPACE, observe(first + 3, "s" + (first + 1), "later"));
        topology.redeliver(Lane.NORMAL, retry);

        assertThat(topology.rejections()).isEmpty();
        assertThat(content("s" + (first + 1))).contains("later");
        assertThat(dropped()).isEqualTo(1);
    }

    @Test
    void shouldDropALateCopyOfWhatWasTakenSinceThoughOtherNumbersWerePassedForGood() {
        Rejection original = shed(observe(2, "a", "text"));
        topology.send(SPACE, observe(2, "a", "text"));
        for (long sequence = 3; sequence < 2 * OpenRanges.MAX_RANGES + 10; sequence += 2) {
            sendBroken(sequence);
            topology.send(SPACE, observe(sequence + 1, "a", "text " + sequence));
        }
        assertThat(topology.rejections())
                .last()
                .satisfies(broken -> assertThat(broken.detail()).contains("passed for good"));

        topology.redeliver(Lane.NORMAL, original);

        assertThat(topology.rejections()).isEmpty();
        assertThat(dropped()).isEqualTo(1);
    }

    private void sendBroken(long sequence) {
        String json = "{\"session\":\"s\",\"sequence\":" + sequence + ",\"content\":\"x\",\"embedding\":[0,0]}";
        topology.sendRaw(
                Lane.NORMAL,
                Optional.of(SPACE.getBytes(StandardCharsets.UTF_8)),
                Optional.of(json.getBytes(StandardCharsets.UTF_8)),
                Map.of());
    }
}
