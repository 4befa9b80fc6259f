package io.engram.topology.admission;

import io.engram.schemas.Lane;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * How many records of each lane are not indexed yet, on this instance.
 *
 * <pre>
 * log start ........ position ............... stable end
 *                    |—— Kafka lag ——|
 *        taken, not indexed: pending
 * depth = Kafka lag + pending
 * </pre>
 *
 * Positions and pending counts move with each record; end offsets are as fresh as the last look at the broker. Only
 * partitions that are processed here count. Thread-safe.
 */
public final class LaneDepths {
    private final Map<LanePartition, PartitionDepth> partitions = new ConcurrentHashMap<>();

    /** One partition of one lane. */
    public record LanePartition(Lane lane, int partition) {
        /** {@code lane-partition}, e.g. {@code normal-3}. */
        @Override
        public String toString() {
            return lane.label() + "-" + partition;
        }
    }

    /** Starts to count a partition; its depth is known once its position and end offset are. */
    public PartitionDepth assign(Lane lane, int partition) {
        PartitionDepth depth = new PartitionDepth();
        partitions.put(new LanePartition(lane, partition), depth);
        return depth;
    }

    /** Stops to count the partition, unless it was assigned anew meanwhile. */
    public void unassign(Lane lane, int partition, PartitionDepth depth) {
        partitions.remove(new LanePartition(lane, partition), depth);
    }

    /** The partitions that are processed here. */
    public Collection<LanePartition> assigned() {
        return partitions.keySet();
    }

    /** The depth of one partition, when it is processed here. */
    public Optional<PartitionDepth> of(LanePartition partition) {
        return Optional.ofNullable(partitions.get(partition));
    }

    /** Records of the lane that can be processed and are not indexed yet, over all partitions here. */
    public long depth(Lane lane) {
        long depth = 0; // asked for many times a second
        for (Map.Entry<LanePartition, PartitionDepth> entry : partitions.entrySet()) {
            if (entry.getKey().lane() == lane) {
                depth += entry.getValue().depth();
            }
        }
        return depth;
    }

    /** Offsets of the lane that open transactions keep from being processed, over all partitions here. */
    public long blocked(Lane lane) {
        return of(lane).mapToLong(PartitionDepth::blocked).sum();
    }

    /** The longest time for which an open transaction has been holding up a partition of the lane here, milliseconds. */
    public long stalledMs(Lane lane) {
        return of(lane).mapToLong(PartitionDepth::stalledMs).max().orElse(0);
    }

    private Stream<PartitionDepth> of(Lane lane) {
        return partitions.entrySet().stream()
                .filter(entry -> entry.getKey().lane() == lane)
                .map(Map.Entry::getValue);
    }

    /** How many partitions of the lane are processed here. */
    public int assignedPartitions(Lane lane) {
        int count = 0;
        for (LanePartition partition : partitions.keySet()) {
            if (partition.lane() == lane) {
                count++;
            }
        }
        return count;
    }
}
