package io.engram.app.redelivery;

import io.engram.app.query.BackpressureWatch;
import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/**
 * How many records may be written back to each partition of a lane right now.
 *
 * <pre>
 * |— processed —|— fresh and redelivered, waiting —|........ half of the capacity|
 *                                                   ^ room, at most a window of redelivered records at once
 * </pre>
 *
 * The room is that of these partitions' share of the lane, for other instances redeliver to the others, and they share it.
 * A window bounds how long a fresh record can stand behind redelivered ones. A partition without room, or that says it is
 * critical or worse, gets a trickle, so that a lane under constant pressure redelivers as well; one whose memory is full
 * gets nothing. The level {@code warning} does not count: it stays for seconds after filling a lane up to its half.
 * Belongs to one thread.
 */
final class LaneRoom {
    private static final long REQUEST_TIMEOUT_MS = 5_000;

    private final Admin admin;
    private final Topics topics;
    private final Lane lane;
    private final String applicationId;
    private final long halfCapacity;
    private final int lanePartitions;
    private final int window;
    private final int tricklePerSecond;
    private final Function<LanePartition, Optional<BackpressureStatus>> status;
    private final Function<LanePartition, Optional<PartitionDepth>> localDepth;
    private final LongSupplier clock;
    private final Map<Integer, ArrayDeque<Long>> outstanding = new HashMap<>();
    private final Map<Integer, Double> trickle = new HashMap<>();
    private long refreshedAtMs;

    /**
     * @param clock epoch milliseconds
     */
    LaneRoom(
            Admin admin,
            Lane lane,
            String applicationId,
            RedeliveryConfig config,
            TopologyRuntime runtime,
            BackpressureWatch backpressure,
            LongSupplier clock) {
        this.admin = admin;
        this.lane = lane;
        this.applicationId = applicationId;
        this.topics = runtime.config().topics();
        this.halfCapacity = runtime.config().admission().capacity(lane) / 2;
        this.lanePartitions = runtime.config().partitions();
        this.window = config.window();
        this.tricklePerSecond = config.tricklePerSecond();
        this.status = partition -> runtime.board().status(partition).or(() -> backpressure.status(partition));
        this.localDepth = runtime.depths()::of;
        this.clock = clock;
    }

    /** A record was written back and is at that offset of its partition. */
    void sent(int partition, long offset) {
        outstanding.computeIfAbsent(partition, key -> new ArrayDeque<>()).addLast(offset);
    }

    /** Looks at the broker and returns how many records each of the partitions may take. */
    Map<Integer, Integer> measure(List<Integer> partitions)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<TopicPartition, OffsetAndMetadata> committed = admin.listConsumerGroupOffsets(
                        Map.of(applicationId, new ListConsumerGroupOffsetsSpec()))
                .partitionsToOffsetAndMetadata(applicationId)
                .get(REQUEST_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        Map<Integer, Long> ends = ends(partitions);
        long now = clock.getAsLong();
        double seconds = refreshedAtMs == 0 ? 0 : (now - refreshedAtMs) / 1_000.0;
        refreshedAtMs = now;
        Map<Integer, Integer> room = new HashMap<>();
        long waiting = 0;
        for (int partition : partitions) {
            waiting += waiting(partition, ends.get(partition), committed);
        }
        FairRoom fair = new FairRoom(halfCapacity, partitions.size(), lanePartitions, waiting);
        for (int partition : partitions) {
            room.put(partition, room(partition, fair, committed, seconds));
        }
        return room;
    }

    private Map<Integer, Long> ends(List<Integer> partitions)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.forEach(partition -> wanted.put(topicPartition(partition), OffsetSpec.latest()));
        Map<Integer, Long> ends = new HashMap<>();
        admin.listOffsets(wanted, new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
                .all()
                .get(REQUEST_TIMEOUT_MS, TimeUnit.MILLISECONDS)
                .forEach((partition, info) -> ends.put(partition.partition(), info.offset()));
        return ends;
    }

    private TopicPartition topicPartition(int partition) {
        return new TopicPartition(topics.observations(lane), partition);
    }

    private long waiting(int partition, long end, Map<TopicPartition, OffsetAndMetadata> committed) {
        long lag = Math.max(0, end - processed(partition, committed).orElse(0L));
        return localDepth
                .apply(new LanePartition(lane, partition))
                .map(PartitionDepth::depth)
                .orElse(lag);
    }

    private Optional<Long> processed(int partition, Map<TopicPartition, OffsetAndMetadata> committed) {
        return Optional.ofNullable(committed.get(topicPartition(partition))).map(OffsetAndMetadata::offset);
    }

    private int room(
            int partition, FairRoom fair, Map<TopicPartition, OffsetAndMetadata> committed, double secondsSinceLast) {
        ArrayDeque<Long> sent = outstanding.computeIfAbsent(partition, key -> new ArrayDeque<>());
        long processed = processed(partition, committed).orElse(0L);
        while (!sent.isEmpty() && sent.peekFirst() < processed) {
            sent.pollFirst();
        }
        int inWindow = Math.max(0, window - sent.size());
        Optional<BackpressureStatus> pressure = status.apply(new LanePartition(lane, partition));
        if (pressure.filter(now -> now.reason().equals(BackpressureStatus.MEMORY)
                        && !now.level().equals("normal"))
                .isPresent()) {
            fair.pass();
            return 0;
        }
        boolean isPressed = pressure.flatMap(now -> BackpressureLevel.ofLabel(now.level()))
                .filter(level -> level.compareTo(BackpressureLevel.CRITICAL) >= 0)
                .isPresent();
        if (isPressed) {
            fair.pass();
        } else {
            int taken = fair.take(inWindow);
            if (taken > 0 || inWindow == 0) {
                return taken;
            }
        }
        double due =
                Math.min(tricklePerSecond, trickle.getOrDefault(partition, 0.0) + tricklePerSecond * secondsSinceLast);
        int now = (int) Math.min(inWindow, due);
        trickle.put(partition, due - now);
        return now;
    }

    /** The partitions belong to somebody else now. */
    void forget(List<Integer> partitions) {
        partitions.forEach(partition -> {
            outstanding.remove(partition);
            trickle.remove(partition);
        });
    }
}
