package io.engram.topology.indexing;

import io.engram.index.IndexEngine;
import io.engram.topology.metrics.EngramMetrics;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * The indexes of all spaces of one partition. Belongs to the partition's store: made with it, closed with it. Thread-safe.
 */
public final class PartitionIndex {
    private final int partition;
    private final IndexWorkers workers;
    private final IndexEngine engine;
    private final EngramMetrics metrics;
    private final StoredValues values;
    private final LongSupplier clock;
    private final Map<String, SpaceIndex> spaces = new ConcurrentHashMap<>();
    private final AtomicInteger backgroundPending = new AtomicInteger();
    private final AtomicLong newestGeneration = new AtomicLong();
    private volatile boolean loaded;
    private volatile boolean complete;
    private volatile boolean closed;

    /**
     * @param partition whose memories these are; decides which worker is at home here
     * @param clock epoch milliseconds
     */
    public PartitionIndex(
            int partition,
            IndexWorkers workers,
            IndexEngine engine,
            EngramMetrics metrics,
            StoredValues values,
            LongSupplier clock) {
        this.partition = partition;
        this.workers = workers;
        this.engine = engine;
        this.metrics = metrics;
        this.values = values;
        this.clock = clock;
        workers.register(this);
    }

    int partition() {
        return partition;
    }

    /** The index of a space, when anything of it was ever handed over here. */
    public Optional<SpaceIndex> find(String space) {
        return Optional.ofNullable(spaces.get(space));
    }

    /** All spaces with an index here. */
    public Collection<SpaceIndex> spaces() {
        return spaces.values();
    }

    /** Hands over a change of a lane; waits a bounded time when too much is waiting already. */
    public void submit(String space, Change change, LaneProgress progress) {
        SpaceIndex index = index(space);
        index.announce(change.id(), change.generation());
        IndexTask.Kind kind = change.embedding().length > 0 ? IndexTask.Kind.ADD : IndexTask.Kind.REMOVE;
        progress.begin(change.sourceOffset());
        workers.submit(this, IndexTask.live(index, kind, change, progress, workers.hasRoomForEmbeddings()));
    }

    /** Has the index follow the store for that id: while loading, restoring, or as a standby. May wait for room. */
    public void sync(String space, String id, long generation) {
        if (closed) {
            return;
        }
        backgroundPending.incrementAndGet();
        workers.submitBackground(this, IndexTask.background(index(space), id, generation, clock.getAsLong()));
        if (closed) {
            drop(space); // made while the partition was closing
        }
    }

    /** The newest generation that a worker has dealt with. */
    public long newestGeneration() {
        return newestGeneration.get();
    }

    void settled(long generation) {
        newestGeneration.accumulateAndGet(generation, Math::max);
    }

    void backgroundDone() {
        backgroundPending.decrementAndGet();
    }

    /** Discards the index of a space; what still waits for it does no harm. */
    public void drop(String space) {
        SpaceIndex dropped = spaces.remove(space);
        if (dropped != null) {
            dropped.close();
        }
    }

    /** Everything that the store held when it was opened has been handed over. */
    public void loaded() {
        loaded = true;
    }

    /** The partition becomes active: what was restored last must be indexed before it answers. */
    public void activated() {
        complete = false;
    }

    /** True once recall sees everything that was stored when the partition was opened or became active. */
    public boolean isCaughtUp() {
        if (!complete && loaded && backgroundPending.get() == 0) {
            complete = true;
        }
        return complete && !closed;
    }

    /** Records of the changelog that a standby has stored but not indexed yet. */
    public int backgroundPending() {
        return backgroundPending.get();
    }

    boolean isClosed() {
        return closed;
    }

    public void close() {
        closed = true;
        workers.unregister(this);
        spaces.keySet().forEach(this::drop);
    }

    private SpaceIndex index(String space) {
        return spaces.computeIfAbsent(space, name -> new SpaceIndex(name, engine, values, metrics.space(name), clock));
    }
}
