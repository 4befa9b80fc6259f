package io.engram.topology.intake;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.SessionProgress;
import io.engram.topology.TopologyFixture;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.format.OpenRanges;
import io.engram.topology.format.SessionKey;
import io.engram.topology.rejection.Refusals;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SequenceTest {
    private static final String SPACE = "space-1";

    @TempDir
    Path stateDir;

    private TopologyFixture topology;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir);
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private static Observation observation(long sequence, String content) {
        return Observation.observe("s", sequence, content, new float[] {1, sequence});
    }

    private void sendBroken(long sequence) {
        String json = "{\"session\":\"s\",\"sequence\":" + sequence + ",\"content\":\"x\",\"embedding\":[0,0]}";
        topology.sendRaw(
                Lane.NORMAL,
                Optional.of(SPACE.getBytes(StandardCharsets.UTF_8)),
                Optional.of(json.getBytes(StandardCharsets.UTF_8)),
                Map.of());
    }

    @Test
    void shouldTellOperatorsWhatWasRefused() {
        topology.send(SPACE, observation(1, "tea is at four"));
        topology.send(SPACE, observation(1, "tea is at five"));
        topology.send(SPACE, observation(1, "tea is at six"));
        topology.send("other", observation(7, "gap\u001b[2J"));
        topology.sendRaw(Lane.NORMAL, Optional.of(new byte[] {'?'}), Optional.of(new byte[0]), Map.of());

        List<Refusals.Refusal> refusals = topology.runtime().refusals().latest();

        assertThat(refusals)
                .extracting(refusal -> refusal.space() + " " + refusal.reason().label() + " " + refusal.count())
                .containsExactly(
                        "_invalid invalid_observation 1", "other invalid_sequence 1", "space-1 invalid_sequence 2");
        assertThat(refusals.get(2).detail()).contains("sequence 1");
    }

    @Test
    void shouldKnowTheLatestRefusalsOfManySpaces() {
        for (int i = 0; i < 150; i++) {
            topology.send("space-" + i, observation(2, "gap"));
        }

        assertThat(topology.runtime().refusals().latest())
                .hasSize(100)
                .first()
                .satisfies(refusal -> assertThat(refusal.space()).isEqualTo("space-149"));
    }

    @Test
    void shouldAcceptRisingSequence() {
        for (int i = 1; i <= 100; i++) {
            topology.send(SPACE, observation(i, "memory " + i));
        }
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.recallIds(SPACE, new float[] {1, 0}, 1)).containsExactly("s:normal:0:1");
        assertThat(topology.metric("engram_streaming_observations_total", "memory_space", SPACE, "priority", "normal"))
                .isEqualTo(100);
    }

    @Test
    void shouldRejectGapWithExpectedSequenceAndMoveNothing() {
        topology.send(SPACE, observation(1, "a"));
        topology.send(SPACE, observation(3, "c"));
        topology.send(SPACE, observation(4, "d"));

        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections)
                .extracting(TopologyFixture.Rejection::reason)
                .containsOnly("invalid_sequence")
                .hasSize(2);
        assertThat(rejections)
                .extracting(rejection -> rejection.header(RejectionHeaders.EXPECTED_SEQUENCE))
                .containsOnly("2");

        topology.send(SPACE, observation(2, "b"));
        topology.send(SPACE, observation(3, "c"));
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldCallRepeatWithSameContentDuplicate() {
        topology.send(SPACE, observation(1, "a"));
        topology.send(SPACE, observation(1, "a"));

        assertThat(topology.rejectionReasons()).containsExactly("duplicate");
    }

    @Test
    void shouldCallReuseOfNumberInvalidSequence() {
        topology.send(SPACE, observation(1, "a"));
        topology.send(SPACE, observation(1, "another"));

        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections).extracting(TopologyFixture.Rejection::reason).containsExactly("invalid_sequence");
        assertThat(rejections.get(0).header(RejectionHeaders.EXPECTED_SEQUENCE)).isEqualTo("2");
    }

    @Test
    void shouldRecogniseDuplicateBeyondWindowByStoredMemory() {
        for (int i = 1; i <= 200; i++) {
            topology.send(SPACE, observation(i, "memory " + i));
        }
        topology.send(SPACE, observation(5, "memory 5"));
        topology.send(SPACE, observation(6, "something else"));

        assertThat(topology.rejectionReasons()).containsExactly("duplicate", "invalid_sequence");
    }

    @Test
    void shouldLeaveNumberOfMalformedRecordOpenAndAcceptItLater() {
        topology.send(SPACE, observation(1, "a"));
        sendBroken(2);
        topology.send(SPACE, observation(3, "c"));
        assertThat(topology.rejectionReasons()).containsExactly("invalid_observation");
        topology.settle();
        SessionProgress open = topology.progress().get(SPACE + "/normal/s").orElseThrow();
        assertThat(open.acknowledgedSequence()).isEqualTo(3);
        assertThat(open.expectedSequence()).isEqualTo(4);
        assertThat(open.openRanges()).containsExactly(List.of(2L, 2L));

        topology.send(SPACE, observation(2, "corrected"));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.progress().get(SPACE + "/normal/s").orElseThrow().openRanges())
                .isEmpty();
    }

    @Test
    void shouldNotTouchSessionWhenMalformedRecordIsNotNext() {
        topology.send(SPACE, observation(1, "a"));
        sendBroken(5);
        topology.send(SPACE, observation(2, "b"));

        assertThat(topology.rejectionReasons()).containsExactly("invalid_observation");
    }

    @Test
    void shouldConsumeNumberOfDuplicateById() {
        topology.send(SPACE, observation(1, "a").withId("x"));
        topology.send(SPACE, new ObservationOf("other", 1, "x").same(observation(1, "a")));
        topology.send(SPACE, Observation.observe("other", 2, "next", new float[] {1, 2}));

        assertThat(topology.rejectionReasons()).containsExactly("duplicate");
    }

    private record ObservationOf(String session, long sequence, String id) {
        Observation same(Observation template) {
            return template.withId(id).at(session, sequence);
        }
    }

    @Test
    void shouldCountEachLaneForItself() {
        topology.send(Lane.HIGH, SPACE, observation(1, "urgent"));
        topology.send(Lane.LOW, SPACE, observation(1, "whenever"));
        topology.settle();

        assertThat(topology.rejections()).isEmpty();
        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 5))
                .containsExactlyInAnyOrder("s:high:0:1", "s:low:0:1");
    }

    @Test
    void shouldStartAgainAtOneAfterClose() {
        topology.send(SPACE, observation(1, "a"));
        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 2));
        topology.send(SPACE, observation(3, "too late"));
        topology.send(SPACE, observation(1, "a new life"));
        topology.settle();

        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections).extracting(TopologyFixture.Rejection::reason).containsExactly("invalid_sequence");
        assertThat(rejections.get(0).header(RejectionHeaders.EXPECTED_SEQUENCE)).isEqualTo("1");
        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 5))
                .containsExactlyInAnyOrder("s:normal:0:1", "s:normal:3:1");
    }

    @Test
    void shouldAcknowledgeOnlyWhatIsIndexed() {
        for (int i = 1; i <= 10; i++) {
            topology.send(SPACE, observation(i, "memory " + i));
        }
        topology.settle();

        SessionProgress progress = topology.progress().get(SPACE + "/normal/s").orElseThrow();
        assertThat(progress.acknowledgedSequence()).isEqualTo(10);
        assertThat(progress.indexedOffsets()).isEqualTo(Map.of("normal-0", 9L));
        assertThat(progress.state()).isEqualTo("open");
    }

    @Test
    void shouldPassNumbersForGoodBeyondTheRangesThatAreKeptOpen() {
        long broken = 2L * (OpenRanges.MAX_RANGES + 10);
        for (long sequence = 1; sequence <= broken; sequence++) {
            if (sequence % 2 == 0) {
                sendBroken(sequence);
            } else {
                topology.send(SPACE, observation(sequence, "memory " + sequence));
            }
        }
        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections)
                .hasSize(OpenRanges.MAX_RANGES + 10)
                .extracting(TopologyFixture.Rejection::reason)
                .containsOnly("invalid_observation");
        assertThat(rejections.get(OpenRanges.MAX_RANGES - 1).detail()).doesNotContain("for good");
        assertThat(rejections.get(OpenRanges.MAX_RANGES).detail())
                .contains("passed for good")
                .contains("next number, " + (2L * OpenRanges.MAX_RANGES + 3));
        topology.settle();
        assertThat(topology.progress().get(SPACE + "/normal/s").orElseThrow().openRanges())
                .hasSize(OpenRanges.MAX_RANGES);

        topology.send(SPACE, observation(2, "corrected"));
        assertThat(topology.rejections()).isEmpty();
        topology.send(SPACE, observation(broken, "corrected"));
        topology.send(SPACE, observation(2L * OpenRanges.MAX_RANGES + 1, "other content"));
        topology.send(SPACE, observation(broken - 1, "other content"));
        List<TopologyFixture.Rejection> late = topology.rejections();
        assertThat(late).extracting(TopologyFixture.Rejection::reason).containsOnly("invalid_sequence");
        assertThat(late.get(0).detail())
                .contains("passed for good")
                .contains("next number, " + (broken + 1))
                .doesNotContain("used before");
        assertThat(late.get(2).detail()).contains("used before for something else");
    }

    @Test
    void shouldSayWhyANumberWithinARangeCannotBeTakenYet() {
        topology.send(SPACE, observation(1, "a"));
        long sequence = 2;
        for (; sequence <= 4; sequence++) {
            sendBroken(sequence);
        }
        for (int i = 1; i < OpenRanges.MAX_RANGES; i++) {
            topology.send(SPACE, observation(sequence++, "memory"));
            sendBroken(sequence++);
        }
        topology.rejections();

        topology.send(SPACE, observation(3, "corrected"));
        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections).extracting(TopologyFixture.Rejection::reason).containsExactly("invalid_sequence");
        assertThat(rejections.get(0).detail()).contains("it stays open");
        topology.send(SPACE, observation(2, "corrected"));
        topology.send(SPACE, observation(3, "corrected"));

        assertThat(topology.rejections()).isEmpty();
    }

    private OptionalLong acknowledged() {
        return topology.store().view().owed().acknowledged(new SessionKey(SPACE, Lane.NORMAL, "s"));
    }

    private double activeSessions() {
        return topology.metric("engram_streaming_active_sessions_total");
    }

    @Test
    void shouldOweASessionUntilItIsAcknowledged() {
        topology.send(SPACE, observation(1, "a"));
        assertThat(acknowledged()).hasValue(0);
        topology.settle();
        assertThat(acknowledged()).isEmpty();

        topology.send(SPACE, observation(2, "b"));
        topology.send(SPACE, observation(1, "a"));
        topology.send(SPACE, observation(4, "a gap"));
        assertThat(acknowledged()).hasValue(1);
        topology.settle();
        assertThat(acknowledged()).isEmpty();
        assertThat(activeSessions()).isEqualTo(1);

        topology.send(SPACE, Observation.of(Operation.CLOSE, "s", 3));
        assertThat(acknowledged()).as("numbers start anew").hasValue(0);
        assertThat(activeSessions()).isZero();
        topology.settle();
        assertThat(acknowledged()).isEmpty();

        topology.send(SPACE, observation(1, "of the next incarnation"));
        assertThat(acknowledged()).hasValue(0);
        assertThat(activeSessions()).isEqualTo(1);
        topology.settle();
        assertThat(acknowledged()).isEmpty();
    }

    @Test
    void shouldOweNothingOfASessionThatStaysUnknown() {
        topology.send(SPACE, observation(2, "a gap"));

        assertThat(acknowledged()).isEmpty();
        assertThat(activeSessions()).isZero();
    }

    @Test
    void shouldOweASessionOfWhichANumberIsOpen() {
        sendBroken(1);
        assertThat(topology.rejectionReasons()).containsExactly("invalid_observation");
        assertThat(acknowledged()).hasValue(0);
        assertThat(activeSessions()).isEqualTo(1);

        topology.settle();
        assertThat(acknowledged()).isEmpty();
    }

    @Test
    void shouldCountNoSessionOfATaskThatIsClosed() {
        topology.send(SPACE, observation(1, "a"));
        TopologyRuntime runtime = topology.runtime();
        assertThat(runtime.activeSessions().count()).isEqualTo(1);

        topology.close();
        assertThat(runtime.activeSessions().count()).isZero();
        topology = new TopologyFixture(stateDir);
    }
}
