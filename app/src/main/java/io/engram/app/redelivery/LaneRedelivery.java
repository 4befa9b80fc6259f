package io.engram.app.redelivery;

import io.engram.schemas.Lane;
import io.engram.schemas.RejectionReason;
import io.engram.schemas.Topics;
import io.engram.topology.metrics.EngramMetrics;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SerializationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Redelivers what one lane shed: reads the topic of rejections in a consumer group of the lane's own, in order, and writes
 * back as much as the {@link LaneRoom} allows. An offset is committed once everything before it is back in the lane, so a
 * crash may write a record twice; its source offset then admits one of them.
 */
final class LaneRedelivery implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(LaneRedelivery.class);
    private static final Duration IDLE_POLL = Duration.ofMillis(500);
    private static final Duration BUSY_POLL = Duration.ofMillis(10);
    private static final long BETWEEN_WRITES_MS = 200;
    private static final long RETRY_PAUSE_MS = 1_000;
    /** Longer than a producer tries by default. */
    private static final long SEND_TIMEOUT_MS = 180_000;

    private final Lane lane;
    private final Topics topics;
    private final RejectedRecords records;
    private final LaneRoom room;
    private final Supplier<Consumer<byte[], byte[]>> consumers;
    private final Producer<byte[], byte[]> producer;
    private final EngramMetrics metrics;
    // Shed records that were read and not written back yet, by partition of the topic of rejections.
    private final Map<TopicPartition, ArrayDeque<ConsumerRecord<byte[], byte[]>>> buffered = new HashMap<>();
    private final Map<TopicPartition, Long> committed = new HashMap<>();
    private volatile boolean running = true;

    LaneRedelivery(
            Lane lane,
            Topics topics,
            RejectedRecords records,
            LaneRoom room,
            Supplier<Consumer<byte[], byte[]>> consumers,
            Producer<byte[], byte[]> producer,
            EngramMetrics metrics) {
        this.lane = lane;
        this.topics = topics;
        this.records = records;
        this.room = room;
        this.consumers = consumers;
        this.producer = producer;
        this.metrics = metrics;
    }

    void stop() {
        running = false;
    }

    @Override
    public void run() {
        while (running) {
            buffered.clear();
            committed.clear();
            try (Consumer<byte[], byte[]> consumer = consumers.get()) {
                consumer.subscribe(List.of(topics.rejected()), forgetLost());
                while (running) {
                    step(consumer);
                }
            } catch (InterruptedException | InterruptException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (ExecutionException | TimeoutException | RuntimeException e) {
                LOG.warn("Redelivery of lane {} failed; it starts again: {}", lane.label(), e.toString());
                LOG.debug("Redelivery failed", e);
                pause(RETRY_PAUSE_MS);
            }
        }
    }

    private ConsumerRebalanceListener forgetLost() {
        return new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                // Whoever has them next reads what is not committed anew.
                partitions.forEach(partition -> {
                    buffered.remove(partition);
                    committed.remove(partition);
                });
                room.forget(partitions.stream().map(TopicPartition::partition).toList());
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                partitions.forEach(partition -> buffered.put(partition, new ArrayDeque<>()));
            }
        };
    }

    private void step(Consumer<byte[], byte[]> consumer)
            throws InterruptedException, ExecutionException, TimeoutException {
        boolean idle = buffered.values().stream().allMatch(ArrayDeque::isEmpty);
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(idle ? IDLE_POLL : BUSY_POLL)) {
            boolean mine = !records.isCut(record)
                    && records.reason(record).equals(Optional.of(RejectionReason.OVER_CAPACITY))
                    && records.lane(record).equals(Optional.of(lane));
            if (mine) {
                buffered.computeIfAbsent(
                                new TopicPartition(record.topic(), record.partition()), key -> new ArrayDeque<>())
                        .addLast(record);
            }
        }
        List<TopicPartition> waiting = new ArrayList<>();
        buffered.forEach((partition, queue) -> {
            if (!queue.isEmpty()) {
                waiting.add(partition);
            }
        });
        // Bounded memory: nothing more of a partition is read while some of it waits.
        consumer.resume(consumer.paused());
        consumer.pause(waiting);
        if (!waiting.isEmpty()) {
            writeBack(waiting);
            Thread.sleep(BETWEEN_WRITES_MS);
        }
        commit(consumer);
    }

    private void writeBack(List<TopicPartition> waiting)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<Integer, Integer> allowed =
                room.measure(waiting.stream().map(TopicPartition::partition).toList());
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        Map<TopicPartition, Integer> taken = new HashMap<>();
        for (TopicPartition partition : waiting) {
            int left = allowed.getOrDefault(partition.partition(), 0);
            for (ConsumerRecord<byte[], byte[]> record : buffered.get(partition)) {
                if (left-- <= 0) {
                    break;
                }
                sent.add(producer.send(records.again(record, lane)));
                taken.merge(partition, 1, Integer::sum);
            }
        }
        for (Future<RecordMetadata> future : sent) {
            try {
                RecordMetadata at = future.get(SEND_TIMEOUT_MS, TimeUnit.MILLISECONDS);
                room.sent(at.partition(), at.offset());
                metrics.redelivered(lane);
            } catch (ExecutionException e) {
                if (!isFaultOfTheRecord(e.getCause())) {
                    throw e; // everything from the last commit on is read again
                }
                // It stays where it is; waiting for it would hold up all that follow.
                LOG.error(
                        "A shed record cannot be written back to lane {} and stays in {}",
                        lane.label(),
                        topics.rejected(),
                        e.getCause());
            }
        }
        // Only now: whatever failed above is read again.
        taken.forEach((partition, count) -> {
            for (int i = 0; i < count; i++) {
                buffered.get(partition).pollFirst();
            }
        });
    }

    private static boolean isFaultOfTheRecord(Throwable cause) {
        return cause instanceof RecordTooLargeException
                || cause instanceof InvalidRecordException
                || cause instanceof SerializationException;
    }

    /** Up to the first that waits, or to where reading is. */
    private void commit(Consumer<byte[], byte[]> consumer) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (TopicPartition partition : consumer.assignment()) {
            ConsumerRecord<byte[], byte[]> first =
                    buffered.getOrDefault(partition, new ArrayDeque<>()).peekFirst();
            long next = first == null ? consumer.position(partition) : first.offset();
            Long before = committed.put(partition, next);
            if (before == null || before < next) {
                offsets.put(partition, new OffsetAndMetadata(next));
            }
        }
        if (!offsets.isEmpty()) {
            consumer.commitSync(offsets);
        }
    }

    private void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            running = false;
        }
    }
}
