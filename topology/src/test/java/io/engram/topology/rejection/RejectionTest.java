package io.engram.topology.rejection;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.RejectionReason;
import io.engram.topology.TopologyFixture;
import io.engram.topology.format.SessionKey;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RejectionTest {
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

    private static Optional<byte[]> bytes(String text) {
        return Optional.of(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void shouldKeepOriginalBytesAndHeadersAndReplaceOurOwn() {
        byte[] junk = {(byte) 0xff, 0, 1, 2};
        topology.sendRaw(
                Lane.HIGH,
                bytes("space-1"),
                Optional.of(junk),
                Map.of("trace", "t-1", RejectionHeaders.REASON, "over_capacity", RejectionHeaders.RETRY_AFTER_MS, "5"));

        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections).hasSize(1);
        TopologyFixture.Rejection rejection = rejections.get(0);
        assertThat(rejection.key().orElseThrow()).isEqualTo("space-1".getBytes(StandardCharsets.UTF_8));
        assertThat(rejection.value().orElseThrow()).isEqualTo(junk);
        assertThat(rejection.reason()).isEqualTo("invalid_observation");
        assertThat(rejection.header("trace")).isEqualTo("t-1");
        assertThat(rejection.headers().lastHeader(RejectionHeaders.RETRY_AFTER_MS))
                .isNull();
        assertThat(rejection.header(RejectionHeaders.SOURCE_TOPIC)).isEqualTo("engram-observations-high");
        assertThat(rejection.header(RejectionHeaders.SOURCE_PARTITION)).isEqualTo("0");
        assertThat(rejection.header(RejectionHeaders.SOURCE_OFFSET)).isEqualTo("0");
        assertThat(rejection.header(RejectionHeaders.ENQUEUED_AT))
                .isEqualTo(Long.toString(TopologyFixture.START.toEpochMilli()));
        assertThat(rejection.headers().lastHeader(RejectionHeaders.REJECTED_AT)).isNotNull();
    }

    @Test
    void shouldRejectRecordsWithoutLegalKey() {
        byte[] good = ObservationCodec.encode(Observation.observe("s", 1, "c", new float[] {1, 2}));
        topology.sendRaw(Lane.NORMAL, Optional.empty(), Optional.of(good), Map.of());
        topology.sendRaw(Lane.NORMAL, bytes(""), Optional.of(good), Map.of());
        topology.sendRaw(Lane.NORMAL, bytes("no spaces please"), Optional.of(good), Map.of());
        topology.sendRaw(Lane.NORMAL, bytes("x".repeat(129)), Optional.of(good), Map.of());

        assertThat(topology.rejections()).hasSize(4).allSatisfy(rejection -> {
            assertThat(rejection.reason()).isEqualTo("invalid_observation");
            assertThat(rejection.detail()).contains("[A-Za-z0-9._-]");
            assertThat(rejection.value().orElseThrow()).isEqualTo(good);
        });
        assertThat(topology.metric(
                        "engram_streaming_observations_rejected_total",
                        "memory_space",
                        "_invalid",
                        "reason",
                        "invalid_observation"))
                .isEqualTo(4);
    }

    @Test
    void shouldRejectBlankValueAndGoOn() {
        topology.sendRaw(Lane.NORMAL, bytes("space-1"), bytes(" \n"), Map.of());
        topology.send("space-1", Observation.observe("s", 1, "fine", new float[] {1, 2}));

        assertThat(topology.rejectionReasons()).containsExactly("invalid_observation");
        assertThat(topology.metric(
                        "engram_streaming_observations_rejected_total",
                        "memory_space",
                        "_other",
                        "reason",
                        "invalid_observation"))
                .as("a name that nobody uses gets no series")
                .isEqualTo(1);
    }

    @Test
    void shouldRejectTombstonesOfKafka() {
        topology.sendRaw(Lane.NORMAL, bytes("space-1"), Optional.empty(), Map.of());

        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections).hasSize(1);
        assertThat(rejections.get(0).value()).isEmpty();
        assertThat(rejections.get(0).detail()).contains("empty");
    }

    @Test
    void shouldSendPoisonRecordToRejectedAndGoOn() {
        topology.send("space-1", Observation.observe("s", 1, "fine", new float[] {1, 2}));
        topology.damageSession(new SessionKey("space-1", Lane.NORMAL, "bad"), new byte[] {99});
        topology.send("space-1", Observation.observe("bad", 1, "poison", new float[] {1, 2}));
        topology.send("space-1", Observation.observe("s", 2, "fine as well", new float[] {2, 1}));
        topology.settle();

        List<TopologyFixture.Rejection> rejections = topology.rejections();
        assertThat(rejections).hasSize(1);
        assertThat(rejections.get(0).reason()).isEqualTo("internal_error");
        assertThat(rejections.get(0).detail()).contains("version 99");
        assertThat(rejections.get(0).value().orElseThrow())
                .isEqualTo(ObservationCodec.encode(Observation.observe("bad", 1, "poison", new float[] {1, 2})));
        assertThat(topology.recallIds("space-1", new float[] {1, 1}, 5)).hasSize(2);
        assertThat(topology.metric(
                        "engram_streaming_observations_rejected_total",
                        "memory_space",
                        "space-1",
                        "reason",
                        "internal_error"))
                .isEqualTo(1);
    }

    @Test
    void shouldCutWhatTheTopicOfRejectionsDoesNotTake() {
        topology.runtime().writeLimits().set(100_000, 100_000);
        byte[] large = ("x".repeat(99_000)).getBytes(StandardCharsets.UTF_8);
        topology.sendRaw(Lane.HIGH, bytes("space-1"), Optional.of(large), Map.of("trace", "t-1"));

        TopologyFixture.Rejection cut = topology.rejections().get(0);
        assertThat(cut.reason()).isEqualTo("invalid_observation");
        assertThat(cut.key()).hasValue("space-1".getBytes(StandardCharsets.UTF_8));
        assertThat(cut.value().orElseThrow()).isEqualTo(Arrays.copyOf(large, 1_024));
        assertThat(cut.header("trace")).isEqualTo("t-1");
        assertThat(cut.header(RejectionHeaders.TRUNCATED_BYTES)).isEqualTo("97976");
        assertThat(topology.metric("engram_streaming_rejections_truncated_total"))
                .isEqualTo(1);
    }

    @Test
    void shouldKeepWhatFitsWholeAndNeverBelieveThatSomethingWasCut() {
        topology.runtime().writeLimits().set(100_000, 100_000);
        byte[] fits = ("x".repeat(90_000)).getBytes(StandardCharsets.UTF_8);
        topology.sendRaw(Lane.HIGH, bytes("space-1"), Optional.of(fits), Map.of(RejectionHeaders.TRUNCATED_BYTES, "7"));

        TopologyFixture.Rejection whole = topology.rejections().get(0);
        assertThat(whole.value()).hasValue(fits);
        assertThat(whole.headers().lastHeader(RejectionHeaders.TRUNCATED_BYTES)).isNull();
        assertThat(topology.metric("engram_streaming_rejections_truncated_total"))
                .isZero();
    }

    @Test
    void shouldKeepTheHeadersThatFitAndCutAKeyThatIsNone() {
        topology.runtime().writeLimits().set(100_000, 100_000);
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("first", "1");
        headers.put("huge", "h".repeat(120_000));
        headers.put("last", "2");
        topology.sendRaw(Lane.HIGH, bytes("k".repeat(150_000)), Optional.empty(), headers);

        TopologyFixture.Rejection cut = topology.rejections().get(0);
        assertThat(cut.key().orElseThrow()).hasSize(1_024);
        assertThat(cut.value()).isEmpty();
        assertThat(cut.header("first")).isEqualTo("1");
        assertThat(cut.header("last")).isEqualTo("2");
        assertThat(cut.headers().lastHeader("huge")).isNull();
        assertThat(cut.header(RejectionHeaders.TRUNCATED_BYTES))
                .isEqualTo(Long.toString(150_000 - 1_024 + 4 + 120_000));
    }

    @Test
    void shouldRefuseTooManyHeadersAndLeaveTheNumberOpen() {
        Observation tea = Observation.observe("me", 1, "tea", new float[] {1, 2});
        Map<String, String> headers = new LinkedHashMap<>();
        for (int i = 0; i < 5_000; i++) {
            headers.put("h" + i, "");
        }
        topology.sendRaw(Lane.HIGH, bytes("space-1"), Optional.of(ObservationCodec.encode(tea)), headers);
        assertThat(topology.rejections()).singleElement().satisfies(rejection -> {
            assertThat(rejection.reason()).isEqualTo("invalid_observation");
            assertThat(rejection.detail()).contains("headers are").contains("the limit is 65536");
        });

        topology.send(Lane.HIGH, "space-1", tea);
        assertThat(topology.rejections()).isEmpty();
    }

    @Test
    void shouldPassManyHeadersOfOursWithoutLookingAtEachAgain() {
        RecordHeaders forged = new RecordHeaders();
        for (int i = 0; i < 300_000; i++) {
            forged.add(RejectionHeaders.REASON, new byte[0]);
        }
        RejectionRecord outgoing = RejectionRecord.of(
                Optional.empty(),
                Optional.empty(),
                forged,
                List.of(RejectionRecord.header(RejectionHeaders.REASON, "duplicate")),
                100_000);
        assertThat(outgoing.isCut()).isFalse();
        assertThat(outgoing.headers()).hasSize(1);
    }

    @Test
    void shouldStayWithinTheLimitWhateverIsCut() {
        RecordHeaders tiny = new RecordHeaders();
        for (int i = 0; i < 1_000_000; i++) {
            tiny.add("a", new byte[0]);
        }
        List<Header> own = RejectedRecord.of(RejectionReason.INTERNAL_ERROR, "e".repeat(1 << 20))
                .headers(new RejectedRecord.Source("engram-observations-normal", 1, Long.MAX_VALUE, 0), 0);
        for (int limit : new int[] {WriteLimits.MIN_REJECTION_BYTES, 100_000, 8 << 20}) {
            RejectionRecord cut = RejectionRecord.of(
                    Optional.of(new byte[9 << 20]), Optional.of(new byte[9 << 20]), tiny, own, limit);
            assertThat(RecordSize.of(cut.key(), cut.value(), cut.headers())).isBetween(limit - 100L, (long) limit);
            assertThat(RecordSize.ofHeaders(own)).isLessThan(WriteLimits.OWN_HEADERS_BYTES);
        }
    }
}
