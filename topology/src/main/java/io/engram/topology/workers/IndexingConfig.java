package io.engram.topology.workers;

import java.util.List;

/**
 * How index workers work.
 *
 * @param workers threads, 1 or more
 * @param batchSizes items of a batch by level of backpressure, and by queue length: four rising numbers
 * @param queueSteps queue lengths from which the second, third and fourth batch size applies: three rising numbers
 * @param stealThreshold an idle worker steals from a queue longer than this
 * @param retryIntervalMs pause between attempts at what could not be inserted, milliseconds
 * @param vectorCacheBytes memory for embeddings of waiting observations; beyond it they are read back from the store
 * @param maxHandOverWaitMs the longest that the stream thread waits for room, milliseconds
 * @param maxBackgroundPending references that loading and restoring may have waiting at once
 * @param maxMemoryBytes of all indexes of the process; beyond it observations are shed
 * @param scanThreshold most memories of a space that has no index: recall compares with all of them; 0 or more
 */
public record IndexingConfig(
        int workers,
        List<Integer> batchSizes,
        List<Integer> queueSteps,
        int stealThreshold,
        long retryIntervalMs,
        long vectorCacheBytes,
        long maxHandOverWaitMs,
        int maxBackgroundPending,
        long maxMemoryBytes,
        int scanThreshold) {

    public static final IndexingConfig DEFAULT = new IndexingConfig(
            2,
            List.of(10, 100, 500, 1_000),
            List.of(100, 1_000, 10_000),
            1_000,
            5_000,
            64L << 20,
            100,
            10_000,
            Runtime.getRuntime().maxMemory() / 2,
            1_000);

    public IndexingConfig {
        batchSizes = List.copyOf(batchSizes);
        queueSteps = List.copyOf(queueSteps);
        if (workers < 1) {
            throw new IllegalArgumentException("workers < 1: " + workers);
        }
        requireRising("batchSizes", batchSizes, 4);
        requireRising("queueSteps", queueSteps, 3);
        if (stealThreshold < 1) {
            throw new IllegalArgumentException("stealThreshold < 1: " + stealThreshold);
        }
        if (scanThreshold < 0) {
            throw new IllegalArgumentException("scanThreshold < 0: " + scanThreshold);
        }
    }

    public IndexingConfig withWorkers(int count) {
        return new IndexingConfig(
                count,
                batchSizes,
                queueSteps,
                stealThreshold,
                retryIntervalMs,
                vectorCacheBytes,
                maxHandOverWaitMs,
                maxBackgroundPending,
                maxMemoryBytes,
                scanThreshold);
    }

    public IndexingConfig withMaxMemoryBytes(long bytes) {
        return new IndexingConfig(
                workers,
                batchSizes,
                queueSteps,
                stealThreshold,
                retryIntervalMs,
                vectorCacheBytes,
                maxHandOverWaitMs,
                maxBackgroundPending,
                bytes,
                scanThreshold);
    }

    public IndexingConfig withScanThreshold(int memories) {
        return new IndexingConfig(
                workers,
                batchSizes,
                queueSteps,
                stealThreshold,
                retryIntervalMs,
                vectorCacheBytes,
                maxHandOverWaitMs,
                maxBackgroundPending,
                maxMemoryBytes,
                memories);
    }

    private static void requireRising(String name, List<Integer> values, int size) {
        boolean rising = values.size() == size && values.get(0) >= 1;
        for (int i = 1; rising && i < size; i++) {
            rising = values.get(i) > values.get(i - 1);
        }
        if (!rising) {
            throw new IllegalArgumentException(name + " must be " + size + " rising numbers from 1 up: " + values);
        }
    }
}
