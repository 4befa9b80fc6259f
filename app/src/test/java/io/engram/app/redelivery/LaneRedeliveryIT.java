package io.engram.app.redelivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.app.config.ConfigLoader;
import io.engram.app.config.EngramConfig;
import io.engram.app.kafka.EmbeddedKafka;
import io.engram.app.kafka.TestTopics;
import io.engram.app.query.BackpressureWatch;
import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.Lane;
import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.RejectionReason;
import io.engram.topology.SpacePartitioner;
import io.engram.topology.TopologyConfig;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.AdmissionConfig;
import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.supervision.Supervisor;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** How much of what a lane shed goes back to it, and how, on a real broker. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LaneRedeliveryIT {
    private static final Lane LANE = Lane.NORMAL;
    private static final int PARTITIONS = 2;
    private static final long CAPACITY = 100;
    private static final int WINDOW = 20;
    private static final int TRICKLE = 10;
    private static final Duration LONG = Duration.ofSeconds(60);

    private final AtomicLong nowMs = new AtomicLong(1_000_000);
    private final Supervisor supervisor = new Supervisor();
    private EmbeddedKafka broker;
    private Admin admin;
    private int test;
    private EngramConfig config;
    private TopologyRuntime runtime;
    private KafkaProducer<byte[], byte[]> producer;

    @BeforeAll
    void startBroker(@TempDir Path directory) throws Exception {
        broker = EmbeddedKafka.start(directory, 0);
        admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()));
    }

    @AfterAll
    void stopBroker() {
        admin.close();
        broker.close();
    }

    @BeforeEach
    void createTopics() throws Exception {
        String name = "again" + ++test;
        config = new ConfigLoader()
                .set("kafka.bootstrap.servers=" + broker.bootstrapServers())
                .set("application.id=" + name)
                .set("topics.prefix=" + name)
                .set("partitions=" + PARTITIONS)
                .load();
        AdmissionConfig usual = config.topology().admission();
        TopologyConfig topology = config.topology()
                .withAdmission(new AdmissionConfig(
                        usual.policy(),
                        Map.of(Lane.HIGH, CAPACITY, LANE, CAPACITY, Lane.LOW, CAPACITY),
                        usual.warning(),
                        usual.critical(),
                        usual.overloaded(),
                        usual.holdMs(),
                        usual.maxRetryAfterMs()));
        runtime = new TopologyRuntime(
                topology,
                config.engine(Runnable::run),
                new EngramMetrics(new PrometheusRegistry(), 10),
                nowMs::get,
                new BrokerClock(System::nanoTime),
                supervisor);
        producer = Redelivery.producer(config);
        List<NewTopic> topics = new ArrayList<>();
        Lane.ALL.forEach(lane -> topics.add(topic(config.topics().observations(lane))));
        topics.add(topic(config.topics().rejected()));
        TestTopics.create(admin, topics);
    }

    @AfterEach
    void close() {
        producer.close();
        runtime.close();
    }

    private static NewTopic topic(String name) {
        return new NewTopic(name, Optional.of(PARTITIONS), Optional.empty());
    }

    private LaneRoom room() {
        return new LaneRoom(
                admin,
                LANE,
                config.applicationId(),
                new RedeliveryConfig(WINDOW, TRICKLE),
                runtime,
                new BackpressureWatch(config.plainConsumer(), config.topics().backpressure(), supervisor),
                nowMs::get);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private void writeFresh(int partition, int records) {
        for (int i = 0; i < records; i++) {
            producer.send(new ProducerRecord<>(config.topics().observations(LANE), partition, null, bytes("fresh")));
        }
        producer.flush();
    }

    private void processed(int partition, long upTo) throws Exception {
        TopicPartition lane = new TopicPartition(config.topics().observations(LANE), partition);
        admin.alterConsumerGroupOffsets(config.applicationId(), Map.of(lane, new OffsetAndMetadata(upTo)))
                .all()
                .get();
    }

    private void say(int partition, BackpressureLevel level, String reason) {
        runtime.board()
                .publish(
                        new LanePartition(LANE, partition),
                        level,
                        new BackpressureStatus(level.label(), 0, CAPACITY, 0.9, reason, 1_000));
    }

    @Test
    void shouldLeaveRoomForWhatWaitsAndShareTheRest() throws Exception {
        writeFresh(0, 50);
        processed(0, 20);

        // Half of the capacity, less the 30 that wait.
        assertThat(room().measure(List.of(0, 1))).isEqualTo(Map.of(0, 10, 1, 10));
        processed(0, 50);
        assertThat(room().measure(List.of(0, 1))).isEqualTo(Map.of(0, WINDOW, 1, WINDOW));
        assertThat(room().measure(List.of(1)))
                .as("half of the room is for whoever redelivers to the other partition")
                .isEqualTo(Map.of(1, WINDOW));
    }

    @Test
    void shouldHaveNoMoreThanAWindowOnItsWay() throws Exception {
        LaneRoom room = room();
        for (int offset = 0; offset < WINDOW - 5; offset++) {
            room.sent(0, offset);
        }

        assertThat(room.measure(List.of(0))).isEqualTo(Map.of(0, 5));
        for (int offset = WINDOW - 5; offset < WINDOW; offset++) {
            room.sent(0, offset);
        }
        assertThat(room.measure(List.of(0))).isEqualTo(Map.of(0, 0));
        processed(0, 3);
        assertThat(room.measure(List.of(0))).isEqualTo(Map.of(0, 3));
        room.forget(List.of(0));
        assertThat(room.measure(List.of(0))).isEqualTo(Map.of(0, WINDOW));
    }

    @Test
    void shouldOnlyTrickleToAPartitionUnderPressure() throws Exception {
        LaneRoom room = room();
        say(0, BackpressureLevel.CRITICAL, BackpressureStatus.LANE);
        say(1, BackpressureLevel.WARNING, BackpressureStatus.LANE);

        assertThat(room.measure(List.of(0, 1))).isEqualTo(Map.of(0, 0, 1, WINDOW));
        nowMs.addAndGet(500);
        assertThat(room.measure(List.of(0, 1))).isEqualTo(Map.of(0, TRICKLE / 2, 1, WINDOW));
        nowMs.addAndGet(3_600_000);
        assertThat(room.measure(List.of(0, 1)))
                .as("what was not used is not saved up")
                .isEqualTo(Map.of(0, TRICKLE, 1, WINDOW));
    }

    @Test
    void shouldGiveNothingToAPartitionWhoseMemoryIsFull() throws Exception {
        LaneRoom room = room();
        say(0, BackpressureLevel.WARNING, BackpressureStatus.MEMORY);

        assertThat(room.measure(List.of(0, 1))).isEqualTo(Map.of(0, 0, 1, WINDOW));
        nowMs.addAndGet(3_600_000);
        assertThat(room.measure(List.of(0, 1))).isEqualTo(Map.of(0, 0, 1, WINDOW));
    }

    /** A thread that redelivers until it is told to end. */
    private final class Running {
        private final LaneRedelivery redelivery = new LaneRedelivery(
                LANE,
                config.topics(),
                new RejectedRecords(config.topics(), PARTITIONS),
                room(),
                this::consumer,
                producer,
                runtime.metrics());
        private final Thread thread = new Thread(redelivery, "redelivery");

        Running() {
            thread.start();
        }

        private KafkaConsumer<byte[], byte[]> consumer() {
            Map<String, Object> settings = config.plainConsumer();
            settings.put("group.id", Redelivery.group(config.applicationId(), LANE));
            settings.put("auto.offset.reset", "earliest");
            return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        }

        void end() throws InterruptedException {
            redelivery.stop();
            thread.join();
        }
    }

    private interface Check {
        void run() throws Exception;
    }

    private void whileItRuns(Check check) throws Exception {
        Running running = new Running();
        try {
            check.run();
        } finally {
            running.end();
        }
    }

    private ProducerRecord<byte[], byte[]> rejected(Lane lane, RejectionReason reason, String value) {
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(config.topics().rejected(), 0, bytes("space"), bytes(value));
        record.headers()
                .add("trace", bytes("t"))
                .add(RejectionHeaders.REASON, bytes(reason.label()))
                .add(RejectionHeaders.SOURCE_TOPIC, bytes(config.topics().observations(lane)))
                .add(RejectionHeaders.SOURCE_PARTITION, bytes("0"))
                .add(RejectionHeaders.SOURCE_OFFSET, bytes("7"));
        return record;
    }

    private void shed(int from, int to) {
        for (int i = from; i < to; i++) {
            producer.send(rejected(LANE, RejectionReason.OVER_CAPACITY, "shed " + i));
        }
        producer.flush();
    }

    private static List<String> values(int from, int to) {
        return IntStream.range(from, to).mapToObj(i -> "shed " + i).toList();
    }

    private List<ConsumerRecord<byte[], byte[]>> inLane() {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config.plainConsumer(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = IntStream.range(0, PARTITIONS)
                    .mapToObj(i -> new TopicPartition(config.topics().observations(LANE), i))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long end = consumer.endOffsets(partitions).values().stream()
                    .mapToLong(Long::longValue)
                    .sum();
            while (records.size() < end) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            }
        }
        return records;
    }

    private List<String> valuesInLane() {
        return inLane().stream()
                .map(record -> new String(record.value(), StandardCharsets.UTF_8))
                .toList();
    }

    private long committed() throws Exception {
        String group = Redelivery.group(config.applicationId(), LANE);
        return Optional.ofNullable(admin.listConsumerGroupOffsets(group)
                        .partitionsToOffsetAndMetadata()
                        .get()
                        .get(new TopicPartition(config.topics().rejected(), 0)))
                .map(OffsetAndMetadata::offset)
                .orElse(0L);
    }

    @Test
    void shouldWriteBackInOrderWhatItsLaneShedAndNothingElse() throws Exception {
        shed(0, 2);
        producer.send(rejected(Lane.HIGH, RejectionReason.OVER_CAPACITY, "of another lane"));
        producer.send(rejected(LANE, RejectionReason.DUPLICATE, "not shed"));
        ProducerRecord<byte[], byte[]> cut = rejected(LANE, RejectionReason.OVER_CAPACITY, "cut");
        cut.headers().add(RejectionHeaders.TRUNCATED_BYTES, bytes("9"));
        producer.send(cut);
        shed(2, 4);

        whileItRuns(() -> {
            await().atMost(LONG).until(() -> committed() == 7);
        });

        assertThat(valuesInLane()).isEqualTo(values(0, 4));
        assertThat(inLane()).allSatisfy(record -> {
            assertThat(record.partition()).isEqualTo(SpacePartitioner.partition("space", PARTITIONS));
            assertThat(record.key()).isEqualTo(bytes("space"));
            assertThat(record.headers().lastHeader("trace").value()).isEqualTo(bytes("t"));
            assertThat(record.headers()
                            .lastHeader(RejectionHeaders.SOURCE_OFFSET)
                            .value())
                    .isEqualTo(bytes("7"));
            assertThat(record.headers().lastHeader(RejectionHeaders.REDELIVERED))
                    .isNotNull();
            assertThat(record.headers().lastHeader(RejectionHeaders.REASON)).isNull();
        });
    }

    @Test
    void shouldGoOnWhereItStoppedAndWriteNothingTwice() throws Exception {
        int all = WINDOW + 5;
        shed(0, all);
        whileItRuns(() -> {
            await().atMost(LONG).until(() -> inLane().size() == WINDOW);
            // Nothing of it is processed: more than a window is not on its way.
            await().atMost(LONG).until(() -> committed() == WINDOW);
        });
        assertThat(valuesInLane()).isEqualTo(values(0, WINDOW));

        for (int partition = 0; partition < PARTITIONS; partition++) {
            processed(partition, WINDOW);
        }
        whileItRuns(() -> {
            await().atMost(LONG).until(() -> committed() == all);
        });
        assertThat(valuesInLane()).isEqualTo(values(0, all));
    }

    @Test
    void shouldKeepWhatHasNoRoomUntilThereIsSome() throws Exception {
        shed(0, 3);
        for (int partition = 0; partition < PARTITIONS; partition++) {
            say(partition, BackpressureLevel.OVERLOADED, BackpressureStatus.MEMORY);
        }
        whileItRuns(() -> {
            // It reads, and says so with its first commit; what waits is not behind it.
            await().atMost(LONG).until(this::hasCommitted);
            assertThat(committed()).isZero();
            assertThat(inLane()).isEmpty();

            for (int partition = 0; partition < PARTITIONS; partition++) {
                say(partition, BackpressureLevel.NORMAL, BackpressureStatus.LANE);
            }
            await().atMost(LONG).until(() -> committed() == 3);
        });
        assertThat(valuesInLane()).isEqualTo(values(0, 3));
    }

    private boolean hasCommitted() throws Exception {
        String group = Redelivery.group(config.applicationId(), LANE);
        return !admin.listConsumerGroupOffsets(group)
                .partitionsToOffsetAndMetadata()
                .get()
                .isEmpty();
    }
}
