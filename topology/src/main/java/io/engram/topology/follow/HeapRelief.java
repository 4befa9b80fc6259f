package io.engram.topology.follow;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * Gives what indexes hold in the heap files before so much of it has gathered that observations would be shed: each index fills
 * a part in the heap of its own, and all of these may become large at the same time. The largest ones are first. Stateless;
 * thread-safe.
 *
 * @param limit bytes that all indexes may take, 1 or more
 */
record HeapRelief(long limit) {
    /** Files are written once indexes take more than this share of what they may: shedding begins at all of it. */
    private static final int FROM_SHARE = 2;

    /** And until they take no more than this share. */
    private static final int TO_SHARE = 4;

    /** Less of an index makes files too small. */
    private static final long LEAST_BYTES = 256 << 10;

    /**
     * @param space whose index it is
     * @param bytes that it took when the round began: it may grow while the indexes are put in order
     */
    private record Held(SpaceIndex space, PartitionIndex partition, long bytes) {}

    /**
     * Writes files, if need be. Takes as long as that does.
     *
     * @throws SnapshotException when one cannot be written; its memories stay in the heap
     */
    void relieve(Collection<PartitionIndex> partitions) throws SnapshotException {
        long taken = partitions.stream().mapToLong(PartitionIndex::memoryBytes).sum();
        if (taken <= limit / FROM_SHARE) {
            return;
        }
        for (Held held : largestFirst(partitions)) {
            if (taken <= limit / TO_SHARE) {
                return;
            }
            held.partition().rest(held.space());
            taken -= held.bytes() - held.space().memoryBytes();
        }
    }

    private static List<Held> largestFirst(Collection<PartitionIndex> partitions) {
        return partitions.stream()
                .filter(PartitionIndex::isOpened)
                .flatMap(partition ->
                        partition.spaces().stream().map(space -> new Held(space, partition, space.memoryBytes())))
                .filter(held -> held.bytes() >= LEAST_BYTES)
                .sorted(Comparator.comparingLong(Held::bytes).reversed())
                .toList();
    }
}
