package io.engram.topology.store;

import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.admission.DrainRate;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.follow.IndexFiles;
import io.engram.topology.follow.IndexLoader;
import io.engram.topology.follow.PartitionIndex;
import io.engram.topology.follow.SnapshotConfig;
import io.engram.topology.follow.Snapshots;
import io.engram.topology.follow.SpaceIndex;
import io.engram.topology.format.LargeMark;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.OffsetTracker;
import io.engram.topology.supervision.Supervisor;
import io.engram.topology.workers.IndexWorkers;
import io.engram.topology.workers.IndexingConfig;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * A partition of memories that no task has and Kafka knows nothing of, for recalls before there are any: the store, its view
 * and its indexes are those of a task, but what is below them is in the heap instead of RocksDB, and the threads that fill
 * the indexes are its own. Filled by one thread; recalled from by any.
 */
public final class SampleStore implements AutoCloseable {
    private static final String NAME = "sample";
    private static final long POLL_MS = 5;

    private final Supervisor supervisor = new Supervisor();
    private final OpenStores stores = new OpenStores();
    private final IndexWorkers workers;
    private final Snapshots snapshots;
    private final IndexLoader loader;
    private final IndexedStore store;
    private long generation;

    /**
     * Opens an empty one.
     *
     * @param partition by which it is called
     * @param directory of its own, for the files of its indexes; deleted by the caller
     * @param engine of its indexes
     * @param metrics that nobody else counts with
     */
    public SampleStore(int partition, Path directory, IndexEngine engine, EngramMetrics metrics) {
        this(partition, directory, engine, metrics, UnaryOperator.identity());
    }

    /**
     * As the other one.
     *
     * @param wrapper is put round what is in the heap; for tests that count
     */
    SampleStore(
            int partition,
            Path directory,
            IndexEngine engine,
            EngramMetrics metrics,
            UnaryOperator<KeyValueStore<Bytes, byte[]>> wrapper) {
        workers = new IndexWorkers(
                IndexingConfig.DEFAULT.withWorkers(1),
                metrics,
                () -> BackpressureLevel.NORMAL,
                () -> Long.MAX_VALUE,
                supervisor);
        snapshots = new Snapshots(
                SnapshotConfig.NONE, Long.MAX_VALUE, metrics.snapshots(), System::currentTimeMillis, supervisor);
        loader = new IndexLoader(snapshots, supervisor);
        store = new IndexedStore(
                wrapper.apply(Stores.inMemoryKeyValueStore(NAME).get()),
                new Indexes(engine, metrics),
                loader,
                new Flushes(),
                RetentionConfig.NONE,
                new BrokerClock(System::nanoTime));
        MemoryView view = store.view();
        view.opened(partition, Optional::empty);
        store.init(new SampleContext(new TaskId(0, partition), directory), store);
        store.index().activated();
        view.activated(lanes());
        stores.opened(view);
    }

    private final class Indexes implements IndexedStore.IndexFactory {
        private final IndexEngine engine;
        private final EngramMetrics metrics;

        Indexes(IndexEngine engine, EngramMetrics metrics) {
            this.engine = engine;
            this.metrics = metrics;
        }

        @Override
        public PartitionIndex make(TaskId task, IndexedStore indexed, IndexFiles files, Journal journal) {
            return new PartitionIndex(
                    NAME,
                    task.partition(),
                    files,
                    journal,
                    workers,
                    engine,
                    metrics,
                    indexed.view(),
                    System::currentTimeMillis);
        }

        @Override
        public IndexFiles files(StateStoreContext context) {
            return new IndexFiles(context.stateDir().toPath().resolve("index"));
        }
    }

    private static Map<Lane, LaneProgress> lanes() {
        Map<Lane, LaneProgress> lanes = new EnumMap<>(Lane.class);
        for (Lane lane : Lane.ALL) {
            lanes.put(lane, new LaneProgress(lane, new OffsetTracker(), new PartitionDepth(), new DrainRate(), -1));
        }
        return lanes;
    }

    /** Where it is the only open partition. */
    public OpenStores stores() {
        return stores;
    }

    /**
     * Waits until it answers; before that it is empty and loading.
     *
     * @param deadlineNanos on the clock of {@link System#nanoTime}
     * @return false when it does not by then
     */
    public boolean awaitServing(long deadlineNanos) throws InterruptedException {
        return await(() -> store.view().role() == MemoryView.Role.ACTIVE, deadlineNanos);
    }

    /** Remembers; the index of the space, if it has one, follows. The first observation fixes the space's dimension. */
    public void remember(String space, List<Observation> observations) {
        for (Observation observation : observations) {
            float[] embedding = observation.embedding();
            if (!store.view().space(space).exists()) {
                store.put(
                        StoreKeys.space(space),
                        SpaceRecord.UNKNOWN.withDimension(embedding.length).encode());
            }
            String id = observation.id().orElseThrow();
            StoredMemory.Origin origin =
                    new StoredMemory.Origin(++generation, System.currentTimeMillis(), 0, Lane.NORMAL, generation);
            Bytes key = StoreKeys.memory(space, id);
            store.put(key, StoredMemory.encode(observation, origin));
            store.index().restore(space, id, generation, embedding);
        }
    }

    /**
     * Gives a space an index of all that it holds.
     *
     * @param deadlineNanos on the clock of {@link System#nanoTime}
     * @return the index; empty when it is not complete by then
     */
    public Optional<VectorIndex> index(String space, long deadlineNanos) throws InterruptedException {
        store.grown(space, new LargeMark(generation, store.view().space(space).dimension()));
        await(() -> store.index().searchable(space).isPresent(), deadlineNanos);
        return store.index().searchable(space).flatMap(SpaceIndex::vectors);
    }

    private static boolean await(BooleanSupplier condition, long deadlineNanos) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadlineNanos >= 0) {
                return false;
            }
            TimeUnit.MILLISECONDS.sleep(POLL_MS);
        }
        return true;
    }

    @Override
    public void close() {
        stores.closing(store.view());
        store.close();
        loader.close();
        snapshots.close();
        workers.close();
    }
}
