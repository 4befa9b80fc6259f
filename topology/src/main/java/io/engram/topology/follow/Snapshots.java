package io.engram.topology.follow;

import io.engram.topology.metrics.SnapshotMetrics;
import io.engram.topology.supervision.Supervisor;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Saves the indexes of this process on a thread of its own: some time after they changed, after many changes, when their
 * task goes elsewhere, and when asked to; and gives what they hold in the heap files when nothing changes, or when it is much.
 * Neither stream threads nor searches wait for it. Thread-safe.
 */
public final class Snapshots implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Snapshots.class);
    private static final long LOOK_EVERY_MS = 1_000;
    private static final long CLOSE_TIMEOUT_SECONDS = 60;
    private static final long SAVE_TIMEOUT_SECONDS = 300;

    private static final class Task {
        final PartitionIndex partition;
        volatile long savedAtMs;
        // As savedAtMs, or when saving failed last.
        volatile long triedAtMs;
        volatile long changesSaved;
        // Since when nothing has changed, and whether something was done about that.
        volatile long quietSinceMs;
        volatile boolean rests;

        Task(PartitionIndex partition, long nowMs) {
            this.partition = partition;
            this.savedAtMs = nowMs;
            this.triedAtMs = nowMs;
            this.quietSinceMs = nowMs;
        }
    }

    private final SnapshotConfig config;
    private final HeapRelief relief;
    private final SnapshotMetrics metrics;
    private final LongSupplier clock;
    private final Map<PartitionIndex, Task> tasks = new ConcurrentHashMap<>();
    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "engram-snapshots");
        thread.setDaemon(true);
        return thread;
    });

    private final Supervisor.Supervised supervised;
    // Of the thread alone: since files cannot be written.
    private long relievesFromMs;

    /**
     * Starts the thread.
     *
     * @param maxMemoryBytes that all indexes may take, 1 or more
     * @param clock epoch milliseconds
     */
    public Snapshots(
            SnapshotConfig config,
            long maxMemoryBytes,
            SnapshotMetrics metrics,
            LongSupplier clock,
            Supervisor supervisor) {
        this.config = config;
        this.relief = new HeapRelief(maxMemoryBytes);
        this.metrics = metrics;
        this.clock = clock;
        metrics.age(this::ageSeconds);
        metrics.size(this::bytes);
        supervised = supervisor.every("engram-snapshots", executor, LOOK_EVERY_MS, LOOK_EVERY_MS, this::saveWhatIsDue);
    }

    /** A partition's index was made. */
    public void opened(PartitionIndex partition) {
        tasks.put(partition, new Task(partition, clock.getAsLong()));
    }

    /** Waits for what is being saved: the same task may just have been closed here, and be on its way to the disk. */
    public void awaitSaves() throws InterruptedException {
        try {
            executor.submit(() -> {}).get(SAVE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            LOG.warn("Saves of indexes take longer than {} s", SAVE_TIMEOUT_SECONDS);
        } catch (ExecutionException | RejectedExecutionException e) {
            LOG.debug("Not waiting for saves: shutting down", e);
        }
    }

    /** The partition's task goes elsewhere: its index is saved a last time and then released, later and not here. */
    public void closed(PartitionIndex partition) {
        Task task = tasks.remove(partition);
        if (task == null) {
            partition.release();
            return;
        }
        try {
            executor.execute(() -> {
                try {
                    save(task);
                } finally {
                    partition.release();
                }
            });
        } catch (RejectedExecutionException e) {
            partition.release();
        }
    }

    /**
     * Saves everything that changed, now; what can be saved is, even when something else cannot.
     *
     * @throws SnapshotException when a file cannot be written: it names the file and the reason
     * @throws TimeoutException when that takes longer than five minutes; it goes on
     */
    public IndexCommits.Saved saveNow() throws InterruptedException, SnapshotException, TimeoutException {
        try {
            return executor.submit(this::saveAll).get(SAVE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof SnapshotException failed) {
                throw failed;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    private IndexCommits.Saved saveAll() throws SnapshotException {
        IndexCommits.Saved saved = IndexCommits.Saved.NOTHING;
        Optional<SnapshotException> failed = Optional.empty();
        for (Task task : tasks.values()) {
            try {
                saved = saved.plus(write(task));
            } catch (SnapshotException e) {
                failed(task, e);
                failed = Optional.of(e);
            }
        }
        if (failed.isPresent()) {
            throw failed.get();
        }
        return saved;
    }

    private void saveWhatIsDue() {
        relieve();
        long now = clock.getAsLong();
        for (Task task : tasks.values()) {
            long changes = task.partition.changes() - task.changesSaved;
            if (changes == 0) {
                rest(task, now);
            } else if (now - task.triedAtMs >= config.intervalMs()
                    || changes >= config.changes() && task.triedAtMs == task.savedAtMs) {
                save(task);
                relieve(); // that took a while
            }
        }
    }

    private void relieve() {
        long now = clock.getAsLong();
        if (now < relievesFromMs) {
            return;
        }
        try {
            relief.relieve(tasks.keySet());
        } catch (SnapshotException e) {
            couldNotRelieve(now);
            LOG.error("Cannot give what indexes hold in the heap files; trying again later: {}", e.getMessage());
        } catch (RuntimeException e) {
            couldNotRelieve(now);
            LOG.error("Cannot give what indexes hold in the heap files; trying again later", e);
        }
    }

    private void couldNotRelieve(long nowMs) {
        metrics.saveFailed();
        relievesFromMs = nowMs + config.intervalMs();
    }

    private void rest(Task task, long now) {
        task.savedAtMs = now; // what is on the disk is up to date
        task.triedAtMs = now;
        if (!task.rests && now - task.quietSinceMs >= config.intervalMs() && task.partition.isOpened()) {
            try {
                task.partition.rest();
                task.rests = true;
                write(task);
            } catch (SnapshotException | RuntimeException e) {
                failed(task, e);
            }
        }
    }

    private void save(Task task) {
        try {
            write(task);
        } catch (SnapshotException | RuntimeException | Error e) {
            failed(task, e);
        }
    }

    private void failed(Task task, Throwable failure) {
        metrics.saveFailed();
        task.triedAtMs = clock.getAsLong(); // not again at once; what is on the disk is as old as it was
        if (failure instanceof SnapshotException) {
            // It names file and reason, and may come again for as long as they last.
            LOG.error(
                    "Cannot save the index of {}; trying again later: {}", task.partition.task(), failure.getMessage());
        } else {
            LOG.error("Cannot save the index of {}; trying again later", task.partition.task(), failure);
        }
    }

    private IndexCommits.Saved write(Task task) throws SnapshotException {
        if (!task.partition.isOpened()) {
            return IndexCommits.Saved.NOTHING;
        }
        long start = System.nanoTime();
        long changes = task.partition.changes();
        IndexCommits.Saved saved = task.partition.commit();
        task.savedAtMs = clock.getAsLong();
        task.triedAtMs = task.savedAtMs;
        if (changes != task.changesSaved) {
            task.changesSaved = changes;
            task.quietSinceMs = task.savedAtMs;
            task.rests = false;
        }
        if (saved.spaces() > 0) {
            double seconds = (System.nanoTime() - start) / 1e9;
            metrics.saved(seconds);
            LOG.debug("Saved {} of {} in {} s", saved, task.partition.task(), seconds);
        }
        return saved;
    }

    /** Seconds since the state on the disk was last up to date, of the task where that is longest ago. */
    private double ageSeconds() {
        long now = clock.getAsLong();
        long oldest = now;
        for (Task task : tasks.values()) {
            oldest = Math.min(oldest, task.savedAtMs);
        }
        return Math.max(0, now - oldest) / 1_000.0;
    }

    private long bytes() {
        long bytes = 0;
        for (Task task : tasks.values()) {
            bytes += task.partition.savedBytes();
        }
        return bytes;
    }

    /** Waits until what was closed is saved. */
    @Override
    public void close() {
        supervised.close();
        executor.shutdown();
        try {
            if (!executor.awaitTermination(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("Index snapshots were not finished within {} s; they are built anew", CLOSE_TIMEOUT_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            executor.shutdownNow();
        }
    }
}
