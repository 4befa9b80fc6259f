package io.engram.app.redelivery;

import io.engram.app.config.EngramConfig;
import io.engram.app.kafka.ClientThreads;
import io.engram.app.query.BackpressureWatch;
import io.engram.schemas.Lane;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.supervision.Supervisor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Redelivery of all lanes: a thread, a consumer and a group for each, and one producer. */
public final class Redelivery implements AutoCloseable {
    private static final int REQUEST_OVERHEAD_BYTES = 1 << 20;
    private static final long STOP_MS = 2_000;

    private final KafkaProducer<byte[], byte[]> producer;
    private final List<LaneRedelivery> lanes = new ArrayList<>();
    private final List<Supervisor.Supervised> threads = new ArrayList<>();

    /** Starts the threads; the topics must exist. */
    public Redelivery(EngramConfig config, Admin admin, TopologyRuntime runtime, BackpressureWatch backpressure) {
        producer = producer(config);
        RejectedRecords records = new RejectedRecords(config.topics(), config.partitions());
        for (Lane lane : Lane.ALL) {
            LaneRoom room = new LaneRoom(
                    admin,
                    lane,
                    config.applicationId(),
                    new RedeliveryConfig(config.redeliveryWindow(), config.redeliveryTrickle()),
                    runtime,
                    backpressure,
                    runtime.clock());
            LaneRedelivery redelivery = new LaneRedelivery(
                    lane,
                    config.topics(),
                    records,
                    room,
                    () -> new KafkaConsumer<>(
                            consumer(config, lane), new ByteArrayDeserializer(), new ByteArrayDeserializer()),
                    producer,
                    runtime.metrics());
            lanes.add(redelivery);
        }
        for (int i = 0; i < lanes.size(); i++) {
            threads.add(runtime.supervisor()
                    .start("engram-redelivery-" + Lane.ALL.get(i).label(), lanes.get(i)));
        }
        ClientThreads.watch(runtime.supervisor(), producer).ifPresent(threads::add);
    }

    /** The consumer group of a lane's redelivery. */
    public static String group(String applicationId, Lane lane) {
        return applicationId + "-redelivery-" + lane.label();
    }

    private static Map<String, Object> consumer(EngramConfig config, Lane lane) {
        Map<String, Object> settings = config.plainConsumer();
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, group(config.applicationId(), lane));
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6_000);
        settings.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 1_500);
        return settings;
    }

    /** A producer to the lanes whose records arrive in order and once. */
    public static KafkaProducer<byte[], byte[]> producer(EngramConfig config) {
        return new KafkaProducer<>(settings(config), new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** The largest request of the application's producers unless configured otherwise, bytes. */
    public static int maxRequestBytes(EngramConfig config) {
        return config.topicsMaxMessageBytes() + REQUEST_OVERHEAD_BYTES;
    }

    /** The settings of that producer. */
    public static Map<String, Object> settings(EngramConfig config) {
        Map<String, Object> settings = config.kafka();
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 2);
        settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, maxRequestBytes(config));
        settings.putAll(config.producer());
        return settings;
    }

    @Override
    public void close() {
        lanes.forEach(LaneRedelivery::stop);
        threads.forEach(thread -> thread.endWithin(STOP_MS));
        producer.close(Duration.ofSeconds(2));
    }
}
