package io.engram.topology.workers;

import io.engram.index.Batch;
import io.engram.topology.metrics.WorkerMetrics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One thread that takes batches from its queue, or from another's when it has none, and applies them to the indexes. */
final class IndexWorker implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(IndexWorker.class);
    private static final long IDLE_WAIT_MS = 100;
    // Items between two looks at what became due.
    private static final int SLICE = 50;

    private final IndexWorkers pool;
    private final int id;
    private final WorkerMetrics metrics;
    private final DeadlineQueue queue = new DeadlineQueue();
    private final Utilization utilization = new Utilization(System::nanoTime);
    private final Batch scratch = new Batch();

    IndexWorker(IndexWorkers pool, int id, WorkerMetrics metrics) {
        this.pool = pool;
        this.id = id;
        this.metrics = metrics;
    }

    String threadName() {
        return "engram-index-worker-" + id;
    }

    DeadlineQueue queue() {
        return queue;
    }

    IndexWorkers.WorkerStatus status() {
        return new IndexWorkers.WorkerStatus(Integer.toString(id), queue.size(), utilization.percent());
    }

    void publishUtilization() {
        metrics.utilization(utilization.percent());
    }

    @Override
    public void run() {
        while (pool.isRunning()) {
            try {
                List<DeadlineQueue.Entry> batch = next();
                if (batch.isEmpty()) {
                    queue.await(IDLE_WAIT_MS);
                } else {
                    work(batch);
                }
            } catch (InterruptedException e) {
                return;
            } catch (Throwable e) {
                LOG.error("Index worker {} met an unexpected error and goes on", id, e);
            }
        }
    }

    private List<DeadlineQueue.Entry> next() {
        List<DeadlineQueue.Entry> own = queue.poll(pool.batchLimit(queue.size()));
        if (!own.isEmpty()) {
            return own;
        }
        List<DeadlineQueue.Entry> stolen = pool.steal(this);
        if (!stolen.isEmpty()) {
            metrics.batchStolen();
        }
        return stolen;
    }

    private void work(List<DeadlineQueue.Entry> batch) {
        utilization.busy();
        try {
            List<DeadlineQueue.Entry> grouped = groupedBySpace(batch);
            for (int from = 0; from < grouped.size(); from += SLICE) {
                List<DeadlineQueue.Entry> slice = grouped.subList(from, Math.min(from + SLICE, grouped.size()));
                // What became due meanwhile need not wait for the rest of a long batch.
                List<DeadlineQueue.Entry> urgent = queue.pollBefore(earliestDeadline(slice), SLICE);
                if (!urgent.isEmpty()) {
                    apply(urgent);
                    metrics.batchProcessed(urgent.size());
                    pool.finished(urgent);
                }
                apply(slice);
            }
            metrics.batchProcessed(batch.size());
        } finally {
            pool.finished(batch);
            utilization.idle();
        }
    }

    /** One space after the other, each in its order: the more of one at a time, the more of its graph is in the cache. */
    private static List<DeadlineQueue.Entry> groupedBySpace(List<DeadlineQueue.Entry> batch) {
        if (batch.size() <= SLICE) {
            return batch;
        }
        Map<IndexedSpace, List<DeadlineQueue.Entry>> bySpace = new LinkedHashMap<>();
        batch.forEach(entry -> bySpace.computeIfAbsent(entry.task().space(), space -> new ArrayList<>())
                .add(entry));
        List<DeadlineQueue.Entry> grouped = new ArrayList<>(batch.size());
        bySpace.values().forEach(grouped::addAll);
        return grouped;
    }

    private static long earliestDeadline(List<DeadlineQueue.Entry> slice) {
        long earliest = Long.MAX_VALUE;
        for (DeadlineQueue.Entry entry : slice) {
            earliest = Math.min(earliest, entry.task().deadlineMs());
        }
        return earliest;
    }

    private void apply(List<DeadlineQueue.Entry> slice) {
        Map<IndexedSpace, List<IndexTask>> bySpace = new LinkedHashMap<>();
        for (DeadlineQueue.Entry entry : slice) {
            if (!entry.partition().isClosed()) {
                bySpace.computeIfAbsent(entry.task().space(), space -> new ArrayList<>())
                        .add(entry.task());
            }
        }
        bySpace.forEach(this::apply);
    }

    // A worker must outlive any surprise: the partition's other spaces and all later batches depend on it.
    private void apply(IndexedSpace space, List<IndexTask> tasks) {
        try {
            space.apply(tasks, scratch, metrics);
        } catch (Throwable e) {
            metrics.batchFailed(WorkerMetrics.ErrorType.INTERNAL);
            LOG.error("Batch of {} for space {} failed unexpectedly", tasks.size(), space.space(), e);
        }
    }
}
