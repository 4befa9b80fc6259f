package io.engram.topology.store;

import io.engram.topology.indexing.PartitionIndex;
import io.engram.topology.indexing.SpaceIndex;
import io.engram.topology.indexing.StoredValues;
import io.engram.topology.snapshot.Snapshots;
import io.engram.topology.supervision.Supervisor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fills the indexes of a store's large spaces when it is opened, first from snapshots, then with what RocksDB held besides;
 * and the index of a space that becomes large. One after the other, on a thread of its own. Streams opens and closes every local store once before it starts; those come
 * to nothing here.
 */
public final class IndexLoader implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(IndexLoader.class);
    private static final int CHUNK = 256;

    private final ExecutorService executor = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "engram-index-loader");
        thread.setDaemon(true);
        return thread;
    });

    private final Snapshots snapshots;

    private final Supervisor supervisor;

    /**
     * @param supervisor is told of errors that end loading
     */
    public IndexLoader(Snapshots snapshots, Supervisor supervisor) {
        this.snapshots = snapshots;
        this.supervisor = supervisor;
    }

    void opened(IndexedStore store, PartitionIndex index) {
        snapshots.opened(index);
        try {
            executor.execute(() -> run(store, index));
        } catch (RejectedExecutionException e) {
            LOG.debug("Not loading {}: shutting down", index.task());
        }
    }

    /** The store closes; its index is saved later. */
    void closed(PartitionIndex index) {
        index.close();
        snapshots.closed(index);
    }

    private void run(IndexedStore store, PartitionIndex index) {
        if (!store.isOpen() || index.isClosed()) {
            return;
        }
        long handedOver = 0;
        try {
            if (!adopt(index)) {
                return; // closed meanwhile
            }
            index.allAdopted();
            Optional<LanePositions> positions = store.read(StoreKeys.POSITIONS).map(LanePositions::decode);
            for (SpaceIndex space : index.spaces()) {
                handedOver += readSpace(store, index, space.space());
            }
            if (Thread.currentThread().isInterrupted()) {
                return;
            }
            positions.ifPresent(index::loadedTo);
            index.loaded();
            LOG.debug("Loaded the index of {}: {} memories handed over", index.task(), handedOver);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (StoredValues.StoreClosedException e) {
            LOG.debug("Stopped loading {}: it was closed", index.task());
        } catch (RuntimeException | Error e) {
            failed(index, e);
        }
    }

    private void failed(PartitionIndex index, Throwable failure) {
        LOG.error("Could not load the index of {}; it is not ready for recall", index.task(), failure);
        if (failure instanceof Error error) {
            supervisor.report("loading the index of " + index.task(), error);
        }
    }

    /** False when the partition was closed meanwhile. */
    private boolean adopt(PartitionIndex index) throws InterruptedException {
        try {
            return snapshots.restore(index);
        } catch (RuntimeException | Error e) {
            // They only save work: whatever is wrong with them, changes must not wait for ever.
            LOG.error("Cannot restore the snapshots of {}; its index is built anew from the store", index.task(), e);
            return !index.isClosed();
        }
    }

    /** The space has an index now: what is stored of it is handed over, in its turn. */
    void handOver(IndexedStore store, PartitionIndex index, String space) {
        try {
            executor.execute(() -> {
                try {
                    readSpace(store, index, space);
                    index.handedOver(space);
                } catch (StoredValues.StoreClosedException e) {
                    LOG.debug("Stopped handing over {} of {}: it was closed", space, index.task());
                } catch (RuntimeException | Error e) {
                    failed(index, e);
                }
            });
        } catch (RejectedExecutionException e) {
            LOG.debug("Not handing over {} of {}: shutting down", space, index.task());
        }
    }

    /** Hands over every memory of the space; returns how many. Ends early when the thread is interrupted, or the space is small again. */
    private static long readSpace(IndexedStore store, PartitionIndex index, String space) {
        long handedOver = 0;
        Bytes from = StoreKeys.firstMemory(space);
        Bytes to = StoreKeys.afterMemories(space);
        List<KeyValue<Bytes, byte[]>> chunk;
        do {
            chunk = store.scan(from, to, CHUNK);
            for (KeyValue<Bytes, byte[]> entry : chunk) {
                handedOver += handOver(entry, store, index);
            }
            from = chunk.isEmpty() ? from : successor(chunk.get(chunk.size() - 1).key);
        } while (chunk.size() == CHUNK
                && !Thread.currentThread().isInterrupted()
                && index.find(space).isPresent());
        return handedOver;
    }

    /** Returns how many memories were handed over: one, or none for a tombstone, a dropped one or damaged bytes. */
    private static int handOver(KeyValue<Bytes, byte[]> entry, IndexedStore store, PartitionIndex index) {
        MemoryKey key = MemoryKey.of(entry.key.get());
        StoredMemory memory;
        try {
            memory = StoredMemory.of(entry.value);
        } catch (RuntimeException e) {
            LOG.error("Cannot read memory {} in store {}; it is left out of recall", key, store.name(), e);
            return 0;
        }
        if (memory.isTombstone() || store.view().space(key.space()).hides(memory)) {
            return 0;
        }
        index.restore(key.space(), key.id(), memory.generation(), memory.embedding());
        return 1;
    }

    /** The smallest key after this one: the same with a zero byte behind it. */
    static Bytes successor(Bytes key) {
        return Bytes.wrap(Arrays.copyOf(key.get(), key.get().length + 1));
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }
}
