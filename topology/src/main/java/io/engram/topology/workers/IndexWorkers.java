package io.engram.topology.workers;

import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.supervision.Supervisor;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The index workers of one process. Each partition has a home worker; an idle worker steals batches from the longest
 * queue. Thread-safe.
 *
 * <pre>
 * stream threads —submit→ queue of worker 0 ——poll→ worker 0 ——→ space indexes
 *                         queue of worker 1 ——steal——↗
 * </pre>
 */
public final class IndexWorkers implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(IndexWorkers.class);

    private static final long MEASURE_MS = 200;
    private static final long UTILIZATION_MS = 1_000;

    private final IndexingConfig config;
    private final Supplier<BackpressureLevel> level;
    private final LongSupplier pendingLimit;
    private final List<IndexWorker> workers = new ArrayList<>();
    private final Set<IndexedPartition> partitions = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService housekeeping =
            Executors.newSingleThreadScheduledExecutor(task -> daemon(task, "engram-index-housekeeping"));
    private final AtomicLong livePending = new AtomicLong();
    private final AtomicLong backgroundPending = new AtomicLong();
    private final AtomicLong memoryBytes = new AtomicLong();
    private final AtomicLong embeddingBytes = new AtomicLong();
    private final Object room = new Object();
    private final List<Supervisor.Supervised> supervised = new ArrayList<>();
    private volatile long indexMemoryBytes;
    private volatile boolean running = true;

    /**
     * Starts the workers.
     *
     * @param level of backpressure on this instance: higher levels ask for larger batches
     * @param pendingLimit live references that may wait before {@link #awaitRoomForLive} slows its caller down
     * @param supervisor of the threads
     */
    public IndexWorkers(
            IndexingConfig config,
            EngramMetrics metrics,
            Supplier<BackpressureLevel> level,
            LongSupplier pendingLimit,
            Supervisor supervisor) {
        this.config = config;
        this.level = level;
        this.pendingLimit = pendingLimit;
        for (int i = 0; i < config.workers(); i++) {
            workers.add(new IndexWorker(this, i, metrics.worker(Integer.toString(i))));
        }
        metrics.queueMemory(memoryBytes::get);
        workers.forEach(worker -> supervised.add(supervisor.start(worker.threadName(), worker)));
        repeat(supervisor, "engram-index-memory", MEASURE_MS, this::measureMemory);
        repeat(supervisor, "engram-index-utilization", UTILIZATION_MS, this::publishUtilization);
        repeat(supervisor, "engram-index-retry", config.retryIntervalMs(), this::retryFailed);
    }

    private void repeat(Supervisor supervisor, String name, long everyMs, Runnable task) {
        supervised.add(supervisor.every(name, housekeeping, everyMs, everyMs, task));
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    /** Runs a piece of housekeeping soon, on a thread of its own. */
    public void runLater(Runnable task) {
        try {
            housekeeping.execute(task);
        } catch (RejectedExecutionException e) {
            LOG.debug("Leaving out housekeeping: shutting down", e);
        }
    }

    /** A partition is open from now on: it is measured, and what failed there is tried again. */
    public void register(IndexedPartition partition) {
        partitions.add(partition);
    }

    /** A partition is closed. */
    public void unregister(IndexedPartition partition) {
        partitions.remove(partition);
    }

    /** Counts a live task that is going to be queued. */
    public void accept(IndexTask live) {
        livePending.incrementAndGet();
        count(live);
    }

    /** Above the limit of live tasks the caller waits for room, but never longer than configured. */
    public void awaitRoomForLive() {
        if (livePending.get() > pendingLimit.getAsLong()) {
            awaitRoom(livePending, pendingLimit, config.maxHandOverWaitMs());
        }
    }

    /** Queues a background task. */
    public void submitBackground(IndexedPartition partition, IndexTask task) {
        backgroundPending.incrementAndGet();
        count(task);
        enqueue(partition, task);
    }

    /** While too many background tasks wait, their source waits, but never longer than configured. */
    public void awaitRoomForBackground() {
        if (backgroundPending.get() > config.maxBackgroundPending()) {
            awaitRoom(backgroundPending, config::maxBackgroundPending, config.maxHandOverWaitMs());
        }
    }

    /** Background tasks that one partition may have waiting before it should submit no more by itself. */
    public int backgroundLimit() {
        return config.maxBackgroundPending();
    }

    private void count(IndexTask task) {
        memoryBytes.addAndGet(task.memoryBytes());
        if (task.hasEmbedding()) {
            embeddingBytes.addAndGet(task.memoryBytes());
        }
    }

    /** Queues a task that was counted. */
    public void enqueue(IndexedPartition partition, IndexTask task) {
        IndexWorker home = workers.get(partition.partition() % workers.size());
        home.queue().add(new DeadlineQueue.Entry(partition, task));
        if (home.queue().size() > config.stealThreshold()) {
            wakeIdle();
        }
    }

    private void awaitRoom(AtomicLong pending, LongSupplier limit, long timeoutMs) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        synchronized (room) {
            while (running && pending.get() > limit.getAsLong()) {
                long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (leftMs <= 0) {
                    return;
                }
                try {
                    room.wait(leftMs);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return;
                }
            }
        }
    }

    private void wakeIdle() {
        for (IndexWorker worker : workers) {
            if (worker.queue().size() == 0) {
                worker.queue().wake();
            }
        }
    }

    /** Tasks that a worker is finished with. */
    void finished(List<DeadlineQueue.Entry> batch) {
        long live = 0;
        for (DeadlineQueue.Entry entry : batch) {
            entry.partition().settled(entry.task().generation());
            memoryBytes.addAndGet(-entry.task().memoryBytes());
            if (entry.task().hasEmbedding()) {
                embeddingBytes.addAndGet(-entry.task().memoryBytes());
            }
            if (entry.task().isLive()) {
                live++;
            } else {
                entry.partition().backgroundDone(entry.task());
            }
        }
        livePending.addAndGet(-live);
        backgroundPending.addAndGet(live - batch.size());
        synchronized (room) {
            room.notifyAll();
        }
    }

    /** The longest queue worth stealing from, other than the thief's own; empty when there is none. */
    List<DeadlineQueue.Entry> steal(IndexWorker thief) {
        IndexWorker victim = thief;
        for (IndexWorker worker : workers) {
            if (worker.queue().size() > victim.queue().size()) {
                victim = worker;
            }
        }
        return victim == thief || victim.queue().size() <= config.stealThreshold()
                ? List.of()
                : victim.queue().poll(batchLimit(victim.queue().size()));
    }

    /** Estimated bytes of all indexes of the process, and of what waits for them; measured a few times a second. */
    public long indexMemoryBytes() {
        return indexMemoryBytes + memoryBytes.get();
    }

    private void measureMemory() {
        long bytes = 0;
        for (IndexedPartition partition : partitions) {
            bytes += partition.memoryBytes();
        }
        indexMemoryBytes = bytes;
    }

    /** Items of the next batch: what the level of backpressure or the queue asks for, whichever is more. */
    public int batchLimit(int queued) {
        int step = level.get().ordinal();
        for (int i = config.queueSteps().size(); i > step; i--) {
            if (queued >= config.queueSteps().get(i - 1)) {
                step = i;
            }
        }
        return config.batchSizes().get(step);
    }

    /** True while tasks may hold their embeddings themselves. */
    public boolean hasRoomForEmbeddings() {
        return embeddingBytes.get() < config.vectorCacheBytes();
    }

    boolean isRunning() {
        return running;
    }

    /** What each worker is doing, in the order of their ids. */
    public List<WorkerStatus> status() {
        return workers.stream().map(IndexWorker::status).toList();
    }

    /**
     * A worker at a glance.
     *
     * @param workerId as in the metrics
     * @param queued references in its queue
     * @param utilization busy share of the last window, 0 to 100
     */
    public record WorkerStatus(String workerId, int queued, double utilization) {}

    private void publishUtilization() {
        workers.forEach(IndexWorker::publishUtilization);
    }

    private void retryFailed() {
        for (IndexedPartition partition : partitions) {
            for (IndexedSpace space : partition.spaces()) {
                if (!space.failedIds().isEmpty()) {
                    int repaired = space.retryFailed();
                    LOG.info(
                            "Repaired {} memories of space {}, {} left",
                            repaired,
                            space.space(),
                            space.failedIds().size());
                }
            }
        }
    }

    /** Stops the workers; what still waits is dropped, the store has it. */
    @Override
    public void close() {
        running = false;
        supervised.forEach(Supervisor.Supervised::expectEnd);
        housekeeping.shutdownNow();
        workers.forEach(worker -> worker.queue().wake());
        synchronized (room) {
            room.notifyAll();
        }
    }
}
