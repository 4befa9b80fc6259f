package io.engram.app.lifecycle;

import io.engram.schemas.Topics;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.LaneDepths;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.supervision.Supervisor;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.TaskMetadata;
import org.apache.kafka.streams.ThreadMetadata;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the {@link LaneDepths} how far the lanes reach on the broker, and where processing stands where no record has
 * told it yet. A few requests per interval, whatever the number of partitions.
 */
final class LagMonitor implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LagMonitor.class);
    private static final long REQUEST_TIMEOUT_MS = 5_000;
    private static final long WARN_OF_STALL_MS = 30_000;

    private final Admin admin;
    private final KafkaStreams streams;
    private final LaneDepths depths;
    private final Topics topics;
    private final EngramMetrics metrics;
    private final String applicationId;
    private final Supervisor supervisor;
    private volatile Optional<Supervisor.Supervised> looking = Optional.empty();

    LagMonitor(Admin admin, KafkaStreams streams, TopologyRuntime runtime, String applicationId) {
        this.admin = admin;
        this.streams = streams;
        this.supervisor = runtime.supervisor();
        this.depths = runtime.depths();
        this.topics = runtime.config().topics();
        this.metrics = runtime.metrics();
        this.applicationId = applicationId;
    }

    void start(long intervalMs) {
        looking = Optional.of(supervisor.every("engram-lag-monitor", 0, intervalMs, this::lookAround));
    }

    private void lookAround() {
        try {
            Map<TopicPartition, PartitionDepth> assigned = assigned();
            if (assigned.isEmpty()) {
                return;
            }
            reportCommitted(assigned);
            reportStart(assigned);
            reportEnds(assigned);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException | RuntimeException e) {
            LOG.debug("Could not read the lag; trying again", e);
        }
    }

    /** What lies between the last stable offset and the end waits for a transaction that its producer has not ended. */
    private void reportEnds(Map<TopicPartition, PartitionDepth> assigned)
            throws InterruptedException, ExecutionException, TimeoutException {
        // First the end: what is written between the two requests must not look as if it were held up.
        Map<TopicPartition, Long> ends = list(assigned, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED);
        Map<TopicPartition, Long> stable = list(assigned, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED);
        long nowMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
        assigned.forEach((partition, depth) -> {
            long stalledBefore = depth.stalledMs();
            depth.ends(stable.get(partition), ends.get(partition), nowMs);
            warnOfStall(partition, depth, stalledBefore);
        });
    }

    private static void warnOfStall(TopicPartition partition, PartitionDepth depth, long stalledBefore) {
        if (stalledBefore < WARN_OF_STALL_MS && depth.stalledMs() >= WARN_OF_STALL_MS) {
            LOG.warn(
                    "An open transaction on {} has been holding up {} records for {} s: nothing behind it is processed until"
                            + " its producer ends it or the broker times it out. Find it with"
                            + " kafka-transactions.sh find-hanging --topic {} --partition {}",
                    partition,
                    depth.blocked(),
                    TimeUnit.MILLISECONDS.toSeconds(depth.stalledMs()),
                    partition.topic(),
                    partition.partition());
        }
    }

    private Map<TopicPartition, PartitionDepth> assigned() {
        Map<TopicPartition, PartitionDepth> assigned = new HashMap<>();
        for (LanePartition partition : depths.assigned()) {
            depths.of(partition)
                    .ifPresent(depth -> assigned.put(
                            new TopicPartition(topics.observations(partition.lane()), partition.partition()), depth));
        }
        return assigned;
    }

    /** Committed offsets go past transaction markers, which no record stands for. */
    private void reportCommitted(Map<TopicPartition, PartitionDepth> assigned) {
        for (ThreadMetadata thread : streams.metadataForLocalThreads()) {
            for (TaskMetadata task : thread.activeTasks()) {
                task.committedOffsets().forEach((partition, offset) -> {
                    PartitionDepth depth = assigned.get(partition);
                    if (depth != null && offset != null && offset >= 0) {
                        depth.positionAtLeast(offset);
                    }
                });
            }
        }
    }

    private void reportStart(Map<TopicPartition, PartitionDepth> assigned)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<TopicPartition, PartitionDepth> unknown = new HashMap<>(assigned);
        unknown.values().removeIf(PartitionDepth::positioned);
        if (unknown.isEmpty()) {
            return;
        }
        Map<TopicPartition, OffsetAndMetadata> committed = admin.listConsumerGroupOffsets(applicationId)
                .partitionsToOffsetAndMetadata()
                .get(REQUEST_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        Map<TopicPartition, Long> earliest = list(unknown, OffsetSpec.earliest(), IsolationLevel.READ_COMMITTED);
        unknown.forEach((partition, depth) -> {
            long start = earliest.get(partition);
            long next = Optional.ofNullable(committed.get(partition))
                    .map(OffsetAndMetadata::offset)
                    .orElse(start);
            reportDeleted(partition, next, start);
            depth.positionAtLeast(Math.max(next, start));
        });
    }

    /** Records that nobody had processed when the topic's retention deleted them are lost: that must be seen. */
    private void reportDeleted(TopicPartition partition, long next, long start) {
        if (next < start) {
            LOG.error(
                    "{} records of {} (offsets {} to {}) were deleted by the topic's retention before they were processed;"
                            + " raise retention.ms, or process sooner",
                    start - next,
                    partition,
                    next,
                    start - 1);
            topics.laneOf(partition.topic()).ifPresent(lane -> metrics.recordsDeleted(lane, start - next));
        }
    }

    private Map<TopicPartition, Long> list(
            Map<TopicPartition, PartitionDepth> partitions, OffsetSpec spec, IsolationLevel isolation)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.keySet().forEach(partition -> wanted.put(partition, spec));
        Map<TopicPartition, Long> offsets = new HashMap<>();
        Map<TopicPartition, ListOffsetsResult.ListOffsetsResultInfo> found = admin.listOffsets(
                        wanted, new ListOffsetsOptions(isolation))
                .all()
                .get(REQUEST_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        found.forEach((partition, info) -> offsets.put(partition, info.offset()));
        return offsets;
    }

    @Override
    public void close() {
        looking.ifPresent(Supervisor.Supervised::close);
    }
}
