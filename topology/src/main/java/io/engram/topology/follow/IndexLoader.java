package io.engram.topology.follow;

import io.engram.index.IndexInUseException;
import io.engram.topology.format.JournalPosition;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.progress.LanePositions;
import io.engram.topology.supervision.Supervisor;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the indexes of a store's large spaces when the store is opened, and has them catch up: with what the journal says they
 * missed, or with everything in RocksDB; and fills the index of a space that becomes large. On threads of its own. What fails
 * for a reason that may pass is tried again. Streams opens and closes every local store once before it starts; those come to
 * nothing here. Thread-safe.
 */
public final class IndexLoader implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(IndexLoader.class);
    private static final int CHUNK = 256;
    private static final long CHECK_MS = 10_000;
    private static final long RETRY_MS = 5_000;
    private static final long IN_USE_RETRY_MS = 100;
    private static final int IN_USE_RETRIES = 50;

    private final ScheduledThreadPoolExecutor executor =
            new ScheduledThreadPoolExecutor(Runtime.getRuntime().availableProcessors(), new LoaderThreads());

    private final Map<PartitionIndex, FollowedStore> open = new ConcurrentHashMap<>();
    private final Snapshots snapshots;
    private final Supervisor supervisor;
    private final Supervisor.Supervised supervised;

    private static final class LoaderThreads implements ThreadFactory {
        private final AtomicInteger made = new AtomicInteger();

        @Override
        public Thread newThread(Runnable task) {
            Thread thread = new Thread(task, "engram-index-loader-" + made.getAndIncrement());
            thread.setDaemon(true);
            return thread;
        }
    }

    /**
     * @param supervisor is told of errors that end loading
     */
    public IndexLoader(Snapshots snapshots, Supervisor supervisor) {
        this.snapshots = snapshots;
        this.supervisor = supervisor;
        this.supervised = supervisor.every("engram-index-loader", executor, CHECK_MS, CHECK_MS, this::readDamagedAgain);
    }

    /** A store was opened: its indexes are opened, and filled, on the threads here. */
    public void opened(FollowedStore store, PartitionIndex index) {
        open.put(index, store);
        snapshots.opened(index);
        execute(index, 0, () -> load(store, index));
    }

    /** The store closes; its index is saved later. */
    public void closed(PartitionIndex index) {
        open.remove(index);
        index.close();
        snapshots.closed(index);
    }

    /** What may fail: it is tried again until the store is closed. */
    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private void execute(PartitionIndex index, long delayMs, Work work) {
        execute(index, delayMs, work, IN_USE_RETRIES);
    }

    private void execute(PartitionIndex index, long delayMs, Work work, int retries) {
        try {
            executor.schedule(() -> attempt(index, work, retries), delayMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("Not loading {}: shutting down", index.task());
        }
    }

    /**
     * @param retries how often files that are in use are waited for without a word: whoever had the partition before, in this
     *     process, may be saving them
     */
    private void attempt(PartitionIndex index, Work work, int retries) {
        try {
            work.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (StoredValues.StoreClosedException e) {
            LOG.debug("Stopped loading {}: it was closed", index.task());
        } catch (IOException | RuntimeException | Error e) {
            if (index.isClosed()) {
                LOG.debug("Stopped loading {}: it was closed", index.task(), e);
            } else if (e instanceof IndexInUseException && retries > 0) {
                execute(index, IN_USE_RETRY_MS, work, retries - 1);
            } else {
                failed(index, e);
                execute(index, RETRY_MS, work);
            }
        }
    }

    private void load(FollowedStore store, PartitionIndex index) throws IOException, InterruptedException {
        if (!store.isOpen() || index.isClosed()) {
            return;
        }
        snapshots.awaitSaves();
        for (SpaceIndex space : index.spaces()) {
            index.open(space);
        }
        index.allOpened();
        Optional<LanePositions> positions = store.read(StoreKeys.POSITIONS).map(LanePositions::decode);
        Optional<JournalPosition> journal = index.replaysFrom();
        if (journal.isPresent()) {
            store.replay(journal.get(), (position, memory) -> index.replay(memory.space(), memory.id(), position));
        }
        long handedOver = 0;
        for (SpaceIndex space : index.spaces()) {
            handedOver += handOver(store, index, space);
        }
        if (Thread.currentThread().isInterrupted()) {
            return;
        }
        positions.ifPresent(index::loadedTo);
        index.loaded();
        LOG.debug("Loaded the index of {}: {} memories handed over", index.task(), handedOver);
    }

    private long handOver(FollowedStore store, PartitionIndex index, SpaceIndex space) throws IOException {
        long handedOver = 0;
        index.open(space);
        if (space.isToBeRead()) {
            handedOver = readSpace(store, index, space.space());
        } else {
            index.replayUnsure(space);
        }
        index.handedOver(space);
        return handedOver;
    }

    private void readDamagedAgain() {
        open.forEach((index, store) -> readDamagedAgain(index, store, SpaceIndex::metDamage));
    }

    /**
     * Reads every file of the indexes of a partition and compares checksums. What is damaged is taken out, and compared with
     * the store soon.
     *
     * @return spaces of whose index something was damaged
     */
    public List<String> checkFiles(PartitionIndex index) {
        return Optional.ofNullable(open.get(index)).stream()
                .flatMap(store -> readDamagedAgain(index, store, space -> true).stream())
                .map(SpaceIndex::space)
                .toList();
    }

    private List<SpaceIndex> readDamagedAgain(PartitionIndex index, FollowedStore store, Predicate<SpaceIndex> which) {
        List<SpaceIndex> damaged = index.dropDamaged(which);
        damaged.forEach(space -> execute(index, 0, () -> handOver(store, index, space)));
        return damaged;
    }

    private void failed(PartitionIndex index, Throwable failure) {
        LOG.error(
                "Could not load the index of {}; it is not ready for recall, and is tried again in {} s",
                index.task(),
                RETRY_MS / 1_000,
                failure);
        if (failure instanceof Error error) {
            supervisor.report("loading the index of " + index.task(), error);
        }
    }

    /** The space has an index now: what is stored of it is handed over, in its turn. */
    public void handOver(FollowedStore store, PartitionIndex index, String space) {
        execute(index, 0, () -> {
            Optional<SpaceIndex> found = index.find(space);
            if (found.isPresent()) {
                handOver(store, index, found.get());
            }
        });
    }

    /** Hands over every memory of the space; returns how many. Ends early when the thread is interrupted, or the space is small again. */
    private static long readSpace(FollowedStore store, PartitionIndex index, String space) {
        long handedOver = 0;
        Bytes from = StoreKeys.firstMemory(space);
        Bytes to = StoreKeys.afterMemories(space);
        List<KeyValue<Bytes, byte[]>> chunk;
        do {
            chunk = store.scan(from, to, CHUNK);
            for (KeyValue<Bytes, byte[]> entry : chunk) {
                handedOver += handOver(entry, store, index);
            }
            from = chunk.isEmpty() ? from : StoreKeys.successor(chunk.get(chunk.size() - 1).key);
        } while (chunk.size() == CHUNK
                && !Thread.currentThread().isInterrupted()
                && index.find(space).isPresent());
        return handedOver;
    }

    /** Returns how many memories were handed over: one, or none for a tombstone, a dropped one or damaged bytes. */
    private static int handOver(KeyValue<Bytes, byte[]> entry, FollowedStore store, PartitionIndex index) {
        MemoryKey key = MemoryKey.of(entry.key.get());
        StoredMemory memory;
        try {
            memory = StoredMemory.of(entry.value);
        } catch (RuntimeException e) {
            LOG.error("Cannot read memory {} in store {}; it is left out of recall", key, store.name(), e);
            return 0;
        }
        if (memory.isTombstone() || store.hides(key.space(), memory)) {
            return 0;
        }
        index.restore(key.space(), key.id(), memory.generation(), memory.embedding());
        return 1;
    }

    @Override
    public void close() {
        supervised.close();
        executor.shutdownNow();
    }
}
