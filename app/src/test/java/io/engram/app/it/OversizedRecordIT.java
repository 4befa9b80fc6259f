package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.engram.app.kafka.TestTopics;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.RejectionHeaders;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records that are larger than what may be written of them, and topics that take less than is sent. */
class OversizedRecordIT {
    private static final byte[] SPACE = bytes("notes");
    /** The first stream thread that dies ends the instance, and the test. */
    private static final String NO_DEATH = "max.thread.replacements=0";

    /** Lanes that keep what clients packed, as those that somebody else made may. */
    private static final String AS_SENT = "topics.compression.type=producer";

    private static final int BOMB = 20_000_000;

    @TempDir
    Path stateDir;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] large(int bytes) {
        byte[] large = new byte[bytes];
        Arrays.fill(large, (byte) 'x');
        return large;
    }

    private static KafkaProducer<byte[], byte[]> producer(String codec) {
        return new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        SharedBroker.bootstrapServers(),
                        "compression.type",
                        codec,
                        "max.request.size",
                        100 << 20,
                        "buffer.memory",
                        200 << 20),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    private static void awaitTea(Instance instance, String topic) {
        try (KafkaProducer<byte[], byte[]> producer = producer("none")) {
            byte[] tea = ObservationCodec.encode(
                    Observation.observe("me", 1, "tea is at four", new float[] {0.1f, 0.9f, 0.2f})
                            .withId("tea"));
            producer.send(new ProducerRecord<>(topic, SPACE, tea));
        }
        await().atMost(Duration.ofSeconds(60)).until(() -> instance.isRemembered("notes", "tea"));
    }

    private static List<ConsumerRecord<byte[], byte[]>> awaitRejected(Instance instance, int count) {
        await().atMost(Duration.ofSeconds(60)).until(() -> instance.rejected().size() == count);
        return instance.rejected();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "snappy", "lz4", "zstd"})
    void shouldCutWhatUnpacksToMoreThanMayBeWritten(String codec) throws InterruptedException {
        String name = "oversized-" + codec;
        try (Instance instance = Instance.start(name, stateDir, NO_DEATH, AS_SENT);
                KafkaProducer<byte[], byte[]> producer = producer(codec)) {
            String topic = name + "-observations-normal";
            producer.send(new ProducerRecord<>(topic, SPACE, large(BOMB)));
            producer.send(new ProducerRecord<>(topic, 0, null, large(BOMB)));
            producer.send(new ProducerRecord<>(topic, 0, large(BOMB), null));
            ProducerRecord<byte[], byte[]> header = new ProducerRecord<>(topic, SPACE, null);
            header.headers().add("trace", bytes("t-1")).add("huge", large(12_000_000));
            producer.send(header);
            producer.flush();
            awaitTea(instance, topic);

            List<ConsumerRecord<byte[], byte[]>> rejected = awaitRejected(instance, 4);
            assertThat(rejected).allSatisfy(record -> {
                assertThat(Instance.reason(record)).isEqualTo("invalid_observation");
                assertThat(Long.parseLong(Instance.header(record, RejectionHeaders.TRUNCATED_BYTES)))
                        .isGreaterThanOrEqualTo(12_000_000);
            });
            assertThat(rejected)
                    .filteredOn(record -> record.headers().lastHeader("trace") != null)
                    .singleElement()
                    .satisfies(record -> {
                        assertThat(record.key()).isEqualTo(SPACE);
                        assertThat(record.headers().lastHeader("huge")).isNull();
                    });
            assertThat(instance.sumOf("engram_streaming_rejections_truncated_total"))
                    .isEqualTo(4);
        }
    }

    /** Whoever sends it is told, and nobody has to unpack it. */
    @ParameterizedTest
    @ValueSource(strings = {"gzip", "snappy", "lz4", "zstd"})
    void shouldLetTheBrokerRefuseWhatUnpacksToMoreThanALaneTakes(String codec) throws InterruptedException {
        String name = "unpacked-" + codec;
        try (Instance instance = Instance.start(name, stateDir, NO_DEATH);
                KafkaProducer<byte[], byte[]> producer = producer(codec)) {
            String topic = name + "-observations-normal";

            Future<RecordMetadata> refused = producer.send(new ProducerRecord<>(topic, SPACE, large(2 * BOMB)));
            Future<RecordMetadata> taken = producer.send(new ProducerRecord<>(topic, SPACE, large(BOMB)));

            assertThatThrownBy(refused::get).hasCauseInstanceOf(RecordTooLargeException.class);
            assertThat(taken).succeedsWithin(Duration.ofSeconds(60));
            awaitTea(instance, topic);
            assertThat(awaitRejected(instance, 1))
                    .allSatisfy(record -> assertThat(Instance.reason(record)).isEqualTo("invalid_observation"));
        }
    }

    @Test
    void shouldOutliveAMillionHeaders() throws InterruptedException {
        try (Instance instance = Instance.start("headers", stateDir, NO_DEATH, AS_SENT);
                KafkaProducer<byte[], byte[]> producer = producer("gzip")) {
            String topic = "headers-observations-high";
            for (String name : List.of("a", RejectionHeaders.REASON)) {
                ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, SPACE, bytes("{}"));
                Headers headers = record.headers();
                for (int i = 0; i < 1_000_000; i++) {
                    headers.add(name, new byte[0]);
                }
                producer.send(record);
            }
            producer.flush();
            awaitTea(instance, topic);
            assertThat(awaitRejected(instance, 2))
                    .allSatisfy(record -> assertThat(Instance.reason(record)).isEqualTo("invalid_observation"));
        }
    }

    @Test
    void shouldCutWhatASmallTopicOfRejectionsDoesNotTakeWhateverChangesMeanwhile() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", SharedBroker.bootstrapServers()))) {
            TestTopics.create(
                    admin,
                    List.of(new NewTopic("small-rejected", Optional.of(2), Optional.empty())
                            .configs(Map.of("message.timestamp.type", "LogAppendTime"))));
            try (Instance instance = Instance.start("small", stateDir);
                    KafkaProducer<byte[], byte[]> producer = producer("none")) {
                String topic = "small-observations-normal";
                producer.send(new ProducerRecord<>(topic, SPACE, large(1_048_300)));
                producer.send(new ProducerRecord<>(topic, SPACE, large(3_000_000)));
                producer.send(new ProducerRecord<>(topic, SPACE, large(900_000)));
                producer.flush();
                awaitTea(instance, topic);
                assertThat(awaitRejected(instance, 3))
                        .filteredOn(record -> record.headers().lastHeader(RejectionHeaders.TRUNCATED_BYTES) != null)
                        .hasSize(2);
                assertThat(instance.sumOf("engram_ready")).isEqualTo(1);

                // Between two looks at the topic: what is refused once is cut shorter.
                ConfigResource rejected = new ConfigResource(ConfigResource.Type.TOPIC, "small-rejected");
                admin.incrementalAlterConfigs(Map.of(
                                rejected,
                                List.of(new AlterConfigOp(
                                        new ConfigEntry("max.message.bytes", "100000"), AlterConfigOp.OpType.SET))))
                        .all()
                        .get();
                producer.send(new ProducerRecord<>(topic, SPACE, large(800_000)));
                producer.flush();
                awaitRejected(instance, 4);
                assertThat(instance.get("/livez").statusCode()).isEqualTo(200);
            }
        }
    }
}
