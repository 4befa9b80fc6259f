package io.engram.app.query;

import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.JsonCodec;
import io.engram.schemas.Lane;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.supervision.Supervisor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The latest backpressure of every partition of the cluster, as its topic says. Thread-safe. */
public final class BackpressureWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BackpressureWatch.class);
    private static final Duration POLL = Duration.ofMillis(500);
    private static final long PAUSE_MS = 1_000;

    private final Map<String, Object> settings;
    private final String topic;
    private final Map<LanePartition, BackpressureStatus> latest = new ConcurrentHashMap<>();
    private final Supervisor supervisor;
    private volatile Optional<Supervisor.Supervised> thread = Optional.empty();
    private volatile Optional<Consumer<byte[], byte[]>> current = Optional.empty();
    private volatile boolean closed;

    /**
     * @param settings of a Kafka consumer
     * @param supervisor of the thread
     */
    public BackpressureWatch(Map<String, Object> settings, String topic, Supervisor supervisor) {
        this.supervisor = supervisor;
        this.settings = settings;
        this.topic = topic;
    }

    /** Starts to follow the topic, which must exist. */
    public void start() {
        thread = Optional.of(supervisor.start("engram-backpressure-watch", this::run));
    }

    /** What the partition's owner said last. */
    public Optional<BackpressureStatus> status(LanePartition partition) {
        return Optional.ofNullable(latest.get(partition));
    }

    private void run() {
        while (!closed) {
            try (Consumer<byte[], byte[]> consumer =
                    new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                current = Optional.of(consumer);
                follow(consumer);
            } catch (WakeupException e) {
                return; // closed
            } catch (RuntimeException e) {
                LOG.debug("Could not read {}; trying again", topic, e);
                pause();
            }
        }
    }

    private void follow(Consumer<byte[], byte[]> consumer) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (PartitionInfo info : consumer.partitionsFor(topic)) {
            partitions.add(new TopicPartition(topic, info.partition()));
        }
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        while (!closed) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                take(record);
            }
        }
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null || record.value() == null) {
            return;
        }
        try {
            String key = new String(record.key(), StandardCharsets.UTF_8);
            int dash = key.lastIndexOf('-');
            Optional<Lane> lane = Lane.ofLabel(key.substring(0, Math.max(0, dash)));
            if (lane.isPresent()) {
                int partition = Integer.parseInt(key.substring(dash + 1));
                latest.put(new LanePartition(lane.get(), partition), JsonCodec.decodeBackpressure(record.value()));
            }
        } catch (IllegalArgumentException e) {
            LOG.debug("Not a status of backpressure: {}", record, e);
        }
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.ifPresent(Supervisor.Supervised::expectEnd);
        current.ifPresent(Consumer::wakeup);
    }
}
