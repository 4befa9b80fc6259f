package io.engram.app.capacity;

/**
 * What a demand needs. The first four are the guide's formulas; the rest is what they leave out.
 *
 * @param workers index workers without headroom: {@code ceil(rate / perWorker)}
 * @param workersWithHeadroom the same with it: {@code ceil(rate × (1 + headroom) / perWorker)}
 * @param queueCapacity records: {@code workers × perWorker × buffer}
 * @param queueMemoryBytes in the instances, 100 bytes a record: a queued record is a reference, Kafka has the rest
 * @param observationBytes of one record in Kafka
 * @param queueKafkaBytes that a full queue takes on the brokers, replicas included
 * @param instances that have the CPU for it, two at least; each processes at least one partition
 * @param partitions of each lane: a power of two, so that instances can be doubled three times
 * @param indexHeapBytesPerInstance what is being written, and a merge; standbys included
 * @param indexDiskBytesPerInstance files of the index while they are merged; standbys included
 * @param heapBytesPerInstance of which the index may take half
 * @param memoryBytesPerInstance the container's limit, without page cache for the files of the index
 * @param diskBytesPerInstance RocksDB with room for compaction, and the index's files
 * @param kafkaBytes of lanes and changelog on all brokers
 */
public record CapacityPlan(
        long workers,
        long workersWithHeadroom,
        long queueCapacity,
        long queueMemoryBytes,
        long observationBytes,
        long queueKafkaBytes,
        long instances,
        long partitions,
        long indexHeapBytesPerInstance,
        long indexDiskBytesPerInstance,
        long heapBytesPerInstance,
        long memoryBytesPerInstance,
        long diskBytesPerInstance,
        long kafkaBytes) {
    /** The guide's figure for one worker. */
    public static final double GUIDE_PER_WORKER = 12_500;

    /** The guide's figure for a queued observation. */
    static final long QUEUED_BYTES = 100;

    private static final long MIB = 1L << 20;
    /** JSON around content and embedding, record and batch headers. */
    private static final long ENVELOPE_BYTES = 200;
    /** Key, digest, times and lengths of a stored memory. */
    private static final long STORED_OVERHEAD_BYTES = 160;
    /** Links, id and bookkeeping of a memory in an open segment, whatever its dimension. */
    private static final long OPEN_OVERHEAD_BYTES = 380;
    /** Links, id and bookkeeping of a memory in the file of a segment, whatever its dimension. */
    private static final long FILE_OVERHEAD_BYTES = 200;
    /** Links of a memory while its segment is merged. */
    private static final long MERGED_LINK_BYTES = 140;
    /** Memories of a space that are in the heap before they get a file. */
    private static final long OPEN_MEMORIES = 60_000;
    /** Spaces with so many that an instance writes to at a time. */
    private static final long OPEN_SPACES = 8;
    /** Memories of the largest segment. */
    private static final long MERGED_MEMORIES = 250_000;
    /** What was merged goes after the result is there. */
    private static final int MERGE_ROOM = 2;

    private static final int MIN_SKETCH_BITS = 1_024;
    private static final int MAX_SKETCH_BITS = 2_048;
    private static final long LEAST_HEAP_BYTES = 1_024 * MIB;
    /** RocksDB's cache and buffers, embeddings that wait, metaspace, threads, Kafka's buffers. */
    private static final long OFF_HEAP_BYTES = 1_024 * MIB;
    /** RocksDB rewrites what it has while it has it. */
    private static final int COMPACTION_ROOM = 2;

    private static final int MIN_INSTANCES = 2;
    private static final int ROOM_TO_GROW = 8;
    private static final long SECONDS_PER_DAY = 86_400;

    public static CapacityPlan of(CapacityDemand demand) {
        double rate = demand.observationsPerSecond();
        long workers = ceil(rate / demand.perWorker());
        long withHeadroom = ceil(rate * (1 + demand.headroom()) / demand.perWorker());
        long queueCapacity = ceil(workers * demand.perWorker() * demand.bufferSeconds());
        long observation = observationBytes(demand);
        double busyCores = rate * (1 + demand.headroom()) * demand.cpuMicros() / 1e6;
        long instances = Math.max(MIN_INSTANCES, ceil(busyCores / demand.coresPerInstance()));
        long copies = ceil(demand.memories() * (1.0 + Math.min(demand.standbys(), instances - 1)) / instances);
        long indexHeap = Math.min(copies, OPEN_SPACES * OPEN_MEMORIES) * openBytes(demand.dimension())
                + Math.min(copies, MERGED_MEMORIES) * (sketchBytes(demand.dimension()) + MERGED_LINK_BYTES);
        long indexDisk = MERGE_ROOM * copies * fileBytes(demand.dimension());
        long heap = roundUp(Math.max(LEAST_HEAP_BYTES, 2 * indexHeap), 256 * MIB);
        long stored = STORED_OVERHEAD_BYTES + demand.contentBytes() + (long) Float.BYTES * demand.dimension();
        double lanes = rate * demand.laneRetentionDays() * SECONDS_PER_DAY * observation;
        double changelog = (double) demand.memories() * stored;
        return new CapacityPlan(
                workers,
                withHeadroom,
                queueCapacity,
                queueCapacity * QUEUED_BYTES,
                observation,
                queueCapacity * observation * demand.replicationFactor(),
                instances,
                Math.max(8, nextPowerOfTwo(instances * ROOM_TO_GROW)),
                indexHeap,
                indexDisk,
                heap,
                heap + OFF_HEAP_BYTES,
                COMPACTION_ROOM * copies * stored + indexDisk,
                (long) ((lanes + changelog) * demand.replicationFactor()));
    }

    /** Bytes of one record of a lane: the embedding as base64 of float32, and what is around it. */
    private static long observationBytes(CapacityDemand demand) {
        long base64 = ((long) Float.BYTES * demand.dimension() + 2) / 3 * 4;
        return base64 + demand.contentBytes() + ENVELOPE_BYTES;
    }

    /** Heap of one memory in an open segment of the sketch index: a sketch, a code a component, links and bookkeeping. */
    static long openBytes(int dimension) {
        return sketchBytes(dimension) + dimension + OPEN_OVERHEAD_BYTES;
    }

    /** Bytes of one memory in the file of a segment: the same, packed. */
    static long fileBytes(int dimension) {
        return sketchBytes(dimension) + dimension + FILE_OVERHEAD_BYTES;
    }

    private static long sketchBytes(int dimension) {
        long padded = Integer.highestOneBit(dimension * 2 - 1);
        return Math.min(MAX_SKETCH_BITS, Math.max(MIN_SKETCH_BITS, padded)) / Byte.SIZE;
    }

    private static long ceil(double value) {
        return (long) Math.ceil(value - 1e-9);
    }

    private static long nextPowerOfTwo(long value) {
        return Long.highestOneBit(2 * value - 1);
    }

    private static long roundUp(long value, long unit) {
        return (value + unit - 1) / unit * unit;
    }
}
