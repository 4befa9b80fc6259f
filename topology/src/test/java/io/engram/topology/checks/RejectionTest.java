package io.engram.topology.checks;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.RejectionHeaders;
import io.engram.topology.TopologyFixture;
import io.engram.topology.store.SessionKey;
import io.engram.topology.store.StoreTampering;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
        StoreTampering.putSession(topology.store(), new SessionKey("space-1", Lane.NORMAL, "bad"), new byte[] {99});
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
}
