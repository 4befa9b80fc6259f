package io.engram.app.kafka;

import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.ProcessedLanes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds lanes that are read from behind what was processed, because somebody set the group's offsets forward: the records
 * in between would never be processed, nor be among the rejections. An offset that was set by hand has no metadata, and one
 * that Kafka Streams committed has. Belongs to one thread.
 */
final class OffsetsSetForward {
    private static final Logger LOG = LoggerFactory.getLogger(OffsetsSetForward.class);
    private static final int FETCH_BYTES = 64 << 10;
    private static final Duration POLL = Duration.ofMillis(500);
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Map<String, Object> settings;
    private final Topics topics;
    private final String group;
    private final ProcessedLanes lanes;
    private final Map<TopicPartition, Long> setByHand = new HashMap<>();

    /**
     * @param settings of a Kafka consumer that reads what is committed
     * @param lanes that are processed here
     */
    OffsetsSetForward(Map<String, Object> settings, Topics topics, String group, ProcessedLanes lanes) {
        this.settings = new HashMap<>(settings);
        this.settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        this.settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCH_BYTES);
        this.settings.put(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, FETCH_BYTES);
        this.settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 1);
        this.topics = topics;
        this.group = group;
        this.lanes = lanes;
    }

    /** Asks where the lanes will be read from; before anything is processed and committed. */
    void ask(Admin admin, Collection<String> laneTopics) throws InterruptedException {
        try {
            GroupOffsets.committed(admin, group).forEach((partition, committed) -> {
                boolean byHand = committed != null && committed.metadata().isEmpty();
                if (byHand && laneTopics.contains(partition.topic())) {
                    setByHand.put(partition, committed.offset());
                }
            });
        } catch (ExecutionException | TimeoutException e) {
            LOG.warn("Could not see whether the group's offsets were set by hand: {}", e.toString());
        }
    }

    /**
     * Looks at those that are processed here by now, each once, or again when the broker does not answer.
     *
     * @return one sentence for each lane's partition with records that were passed over
     */
    List<TopicProblem> look() {
        Map<TopicPartition, Long> ahead = new HashMap<>();
        setByHand.forEach(
                (partition, offset) -> startedAfter(partition).ifPresent(processed -> ahead.put(partition, processed)));
        if (ahead.isEmpty()) {
            return List.of();
        }
        List<TopicProblem> found = new ArrayList<>();
        try (Consumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            ahead.forEach((partition, processed) ->
                    passedOver(consumer, partition, processed).ifPresent(found::add));
        } catch (RuntimeException e) {
            LOG.debug("Could not look at what was passed over; trying again", e);
        }
        return found;
    }

    private Optional<Long> startedAfter(TopicPartition partition) {
        return topics.laneOf(partition.topic())
                .flatMap(lane -> lanes.of(new LanePartition(lane, partition.partition())))
                .map(LaneProgress::startedAfter);
    }

    private Optional<TopicProblem> passedOver(
            Consumer<byte[], byte[]> consumer, TopicPartition partition, long processed) {
        long next = setByHand.get(partition);
        Optional<Long> first =
                processed + 1 < next ? first(consumer, partition, processed + 1, next) : Optional.empty();
        setByHand.remove(partition);
        return first.map(offset -> {
            Lane lane = topics.laneOf(partition.topic()).orElseThrow();
            String text = "topic " + partition.topic() + " is read from offset " + next + " of partition "
                    + partition.partition() + ", although its memories know only what came up to offset " + processed
                    + ": somebody set the group's offsets forward, and what came from offset " + offset
                    + " on was not processed. To have it processed, stop all instances, set the offset of lane "
                    + lane.label() + " back, and start them again: kafka-consumer-groups --group " + group
                    + " --reset-offsets --topic " + partition.topic() + ":" + partition.partition() + " --to-offset "
                    + offset + " --execute";
            LOG.error("{}", text);
            return new TopicProblem(TopicProblem.Kind.OFFSETS, partition.topic(), text);
        });
    }

    /** The first record that is there: markers and what was aborted are none. */
    private static Optional<Long> first(
            Consumer<byte[], byte[]> consumer, TopicPartition partition, long from, long to) {
        consumer.assign(List.of(partition));
        // Behind its end nothing was passed over: the lane is read from its beginning then.
        long end = Math.min(to, consumer.endOffsets(List.of(partition)).get(partition));
        consumer.seek(partition, from);
        long deadline = System.nanoTime() + LIMIT_NANOS;
        while (consumer.position(partition) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                return Optional.of(record.offset()).filter(offset -> offset < to);
            }
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("cannot read " + partition + " from offset " + from + " in time");
            }
        }
        return Optional.empty();
    }
}
