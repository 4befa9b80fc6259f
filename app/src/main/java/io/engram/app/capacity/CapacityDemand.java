package io.engram.app.capacity;

import io.engram.schemas.Limits;

/**
 * What is asked of an installation.
 *
 * @param observationsPerSecond at the peak, above 0
 * @param perWorker observations per second that one index worker inserts, above 0
 * @param headroom share that comes on top for bursts, 0 or more; the guide's is 0.25
 * @param bufferSeconds that the queues should hold: 10 for low latency, 30 for throughput, 60 for bursts
 * @param dimension of the embeddings, 2 to 4,096
 * @param contentBytes of an observation beside its embedding, metadata included
 * @param memories that are kept in all
 * @param standbys of each partition
 * @param coresPerInstance that an instance may use
 * @param cpuMicros that an instance spends on one observation, everything included
 * @param laneRetentionDays that Kafka keeps records of the lanes
 * @param replicationFactor of the topics
 */
public record CapacityDemand(
        double observationsPerSecond,
        double perWorker,
        double headroom,
        double bufferSeconds,
        int dimension,
        int contentBytes,
        long memories,
        int standbys,
        int coresPerInstance,
        double cpuMicros,
        double laneRetentionDays,
        int replicationFactor) {

    /** @throws IllegalArgumentException that names the value which is out of range */
    public CapacityDemand {
        require(observationsPerSecond > 0, "rate", observationsPerSecond, "above 0");
        require(perWorker > 0, "per-worker", perWorker, "above 0");
        require(headroom >= 0, "headroom", headroom, "0 or more, e.g. 0.25 for 25 %");
        require(bufferSeconds > 0, "buffer", bufferSeconds, "above 0 seconds");
        require(
                dimension >= Limits.MIN_DIMENSION && dimension <= Limits.MAX_DIMENSION,
                "dimension",
                dimension,
                Limits.MIN_DIMENSION + " to " + Limits.MAX_DIMENSION);
        require(contentBytes >= 0, "content-bytes", contentBytes, "0 or more");
        require(memories >= 0, "memories", memories, "0 or more");
        require(standbys >= 0, "standbys", standbys, "0 or more");
        require(coresPerInstance >= 1, "cores", coresPerInstance, "1 or more");
        require(cpuMicros > 0, "cpu-micros", cpuMicros, "above 0");
        require(laneRetentionDays >= 0, "retention-days", laneRetentionDays, "0 or more");
        require(replicationFactor >= 1, "replication-factor", replicationFactor, "1 or more");
    }

    private static void require(boolean holds, String name, Number value, String allowed) {
        if (!holds) {
            throw new IllegalArgumentException("--" + name + " must be " + allowed + ", got " + value);
        }
    }
}
