package io.engram.topology.follow;

import io.engram.index.Batch;
import io.engram.index.IndexEngine;
import io.engram.index.IndexInUseException;
import io.engram.index.OpenedIndex;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.schemas.Lane;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.IndexSeries;
import io.engram.topology.metrics.WorkerMetrics;
import io.engram.topology.progress.RestoreProgress;
import io.engram.topology.workers.IndexTask;
import io.engram.topology.workers.IndexedSpace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The index of one space on one partition, and what is still to enter it.
 *
 * <p>Several workers may work on one space. What keeps the changes that lanes bring in order is {@code pending}: only the
 * newest change of an id is applied, and a worker that finds itself overtaken takes back what it did. A sync reads the
 * store before and after, until both agree.
 *
 * <pre>
 * pending   id → newest generation that waits for a worker
 * followers id → what is finished with it: repetitions of the same memory, on whatever lane
 * failed    id → change that the index refused; recall scans these exactly, and they are tried again
 * </pre>
 *
 * Thread-safe.
 */
public final class SpaceIndex implements IndexedSpace {
    private static final Logger LOG = LoggerFactory.getLogger(SpaceIndex.class);

    private static final long NOT_STORED = -1;

    /** Of the space, its maps, its name and its gauge. */
    private static final long OWN_BYTES = 700;

    private final String space;
    private final Follower follower;
    private final IndexEngine engine;
    private final StoredValues values;
    private final EngramMetrics metrics;
    private final LongSupplier clock;
    private final IndexSeries series;
    private final Map<String, Long> pending = new ConcurrentHashMap<>();
    // What is to be done once no change of the id waits any more, at most once per lane.
    private final Map<String, Map<Lane, Runnable>> followers = new ConcurrentHashMap<>();
    private final Map<String, IndexTask> failed = new ConcurrentHashMap<>();
    // Ids that a worker has in hand, or that wait for it to make the index agree with the store; and how often.
    private final Map<String, Integer> inHand = new ConcurrentHashMap<>();
    // What was saved and the store has not confirmed yet.
    private final Set<String> unconfirmed = ConcurrentHashMap.newKeySet();
    private final AtomicLong changes = new AtomicLong();
    private volatile Optional<VectorIndex> index = Optional.empty();

    SpaceIndex(
            String space,
            Follower follower,
            IndexEngine engine,
            StoredValues values,
            EngramMetrics metrics,
            LongSupplier clock) {
        this.space = space;
        this.follower = follower;
        this.engine = engine;
        this.values = values;
        this.metrics = metrics;
        this.clock = clock;
        this.series = new IndexSeries(metrics, space, this::size);
    }

    /** The stored vectors of a space; none of a partition that has gone elsewhere. */
    static VectorSource source(StoredValues values, String space) {
        return (id, generation) -> {
            try {
                return values.embedding(space, id)
                        .filter(stored -> stored.generation() == generation)
                        .map(StoredValues.StoredEmbedding::vector);
            } catch (StoredValues.StoreClosedException e) {
                return Optional.empty();
            }
        };
    }

    @Override
    public String space() {
        return space;
    }

    /** How it follows the store. */
    Follower follower() {
        return follower;
    }

    /** True once it has everything that is stored: recall may search it. */
    boolean isFollowing() {
        return follower.state() == FollowerState.FOLLOWING;
    }

    /** True when every stored memory is to be compared with it. */
    boolean isToBeRead() {
        return follower.isToBeRead();
    }

    /**
     * Opens what was saved; does nothing when that was done.
     *
     * @return memories of the files that need not be looked up
     * @throws IOException when the files cannot be read for a reason that may pass
     */
    synchronized int open() throws IOException {
        if (follower.state() != FollowerState.OPENING) {
            return 0;
        }
        Optional<OpenedIndex> opened = follower.open(engine, source(values, space));
        if (opened.isEmpty()) {
            follower.on(FollowerState.Event.NOTHING_SAVED);
            return 0;
        }
        VectorIndex vectors = opened.get().index();
        index = Optional.of(vectors);
        unconfirmed.addAll(follower.adopted(opened.get()));
        series.update();
        long unsure = unconfirmed.stream()
                .filter(id -> vectors.generation(id).isPresent())
                .count();
        return follower.isToBeRead() ? 0 : vectors.size() - (int) unsure;
    }

    /** As {@link #open}; files that cannot be read are of no use, and those that are still being saved are opened later. */
    void openOrBuild() {
        try {
            open();
        } catch (IndexInUseException e) {
            LOG.debug("The index of space {} is still being saved", space, e);
        } catch (IOException e) {
            LOG.warn(
                    "The saved index of space {} cannot be read; it is built anew from the store: {}",
                    space,
                    e.toString());
            follower.on(FollowerState.Event.NOTHING_SAVED);
        }
    }

    /** A change is being written to the store, under that number of its journal. */
    public void changed(long number, String id) {
        follower.changed(number, id);
    }

    /** True when the files do not say what the index is. */
    boolean isToBeCommitted() {
        return index.isPresent()
                && follower.isToBeCommitted(changes.get(), unconfirmed.size() + inHand.size() + pending.size());
    }

    /**
     * Saves the index where it is.
     *
     * @return bytes of its files
     * @throws IOException when a file cannot be written; what was saved before is still there
     */
    long commit() throws IOException {
        return follower.commit(index.orElseThrow(), changes.get(), this::waiting);
    }

    /** Ids of which the index may not have what the store has. */
    private Collection<String> waiting() {
        List<String> ids = new ArrayList<>(pending.keySet());
        ids.addAll(inHand.keySet());
        ids.addAll(failed.keySet());
        ids.addAll(unconfirmed);
        return ids;
    }

    /** True when work on its files met damage. */
    boolean metDamage() {
        return index.filter(follower::metDamage).isPresent();
    }

    /** Takes what is damaged out of the index; true when all that is stored must be compared with it. */
    boolean dropDamaged() {
        boolean dropped = index.filter(follower::dropDamaged).isPresent();
        if (dropped) {
            changes.incrementAndGet();
        }
        return dropped;
    }

    /** Nothing has changed for long: what is in the heap gets a file. */
    void rest() throws IOException {
        if (index.isPresent() && follower.state() != FollowerState.CLOSED) {
            index.get().seal();
        }
    }

    /** The vectors, once there are any. */
    public Optional<VectorIndex> vectors() {
        return index;
    }

    /** Estimated bytes of the vectors, and of what any space takes. */
    long memoryBytes() {
        return OWN_BYTES + index.map(VectorIndex::memoryBytes).orElse(0L);
    }

    /** True when the index has exactly that memory already. */
    boolean confirm(String id, long generation, float[] vector, RestoreProgress restore) {
        VectorIndex vectors = index.orElse(null);
        if (vectors == null || vectors.dimension() != vector.length || !vectors.holds(id, generation, vector)) {
            return false;
        }
        restore.compared();
        if (unconfirmed.remove(id)) {
            restore.confirmed();
        }
        return true;
    }

    /** Ids of a snapshot that the store has not confirmed. */
    Set<String> unconfirmed() {
        return unconfirmed;
    }

    /** Rises with every change of the index. */
    public long changes() {
        return changes.get();
    }

    /** Ids that are stored but could not be inserted. */
    @Override
    public Set<String> failedIds() {
        return failed.keySet();
    }

    /** Memories that recall finds. */
    public int size() {
        return index.map(VectorIndex::size).orElse(0)
                + (int) failed.keySet().stream()
                        .filter(id -> index.filter(vectors -> vectors.ids().contains(id))
                                .isEmpty())
                        .count(); // one that is in the index in an older version counts once
    }

    /** Announces a change of a lane; generations of an id rise. */
    void announce(String id, long generation) {
        pending.put(id, generation);
    }

    /** True when a worker is about to make the index agree with the store in that id, or is applying a change of it. */
    boolean isInHand(String id) {
        return inHand.containsKey(id);
    }

    /** Announces that a worker is to make the index agree with the store. */
    void announceSync(String id) {
        inHand.merge(id, 1, Integer::sum);
    }

    /** Whatever change of the id is on its way has nothing to say any more. */
    void withdraw(String id) {
        List<Runnable> due = new ArrayList<>();
        pending.computeIfPresent(id, (key, generation) -> end(id, due));
        due.forEach(Runnable::run);
    }

    /**
     * Has something done once no change of the id waits for a worker any more.
     *
     * @return false when none waits, or when the lane follows the id already: then it is not done
     */
    boolean follow(String id, Lane lane, Runnable then) {
        boolean[] follows = {false};
        // Whoever ends the waiting holds the same entry, so that nobody comes too late.
        pending.computeIfPresent(id, (key, generation) -> {
            follows[0] = followers
                            .computeIfAbsent(id, unused -> new EnumMap<>(Lane.class))
                            .putIfAbsent(lane, then)
                    == null;
            return generation;
        });
        return follows[0];
    }

    /** True when a change of the id waits for a worker. */
    boolean awaits(String id) {
        return pending.containsKey(id);
    }

    /** Within the entry of {@code pending}: nothing waits for the id any more. */
    private Long end(String id, List<Runnable> due) {
        Optional.ofNullable(followers.remove(id)).map(Map::values).ifPresent(due::addAll);
        return null; // takes the entry away
    }

    /** Applies tasks of this space in order, then settles each, whatever happens to it. */
    @Override
    public void apply(List<IndexTask> tasks, Batch batch, WorkerMetrics worker) {
        // Until it is settled: a task that was overtaken may still take back what it did.
        tasks.stream().filter(IndexTask::isLive).forEach(task -> inHand.merge(task.id(), 1, Integer::sum));
        int from = 0;
        while (from < tasks.size()) {
            int to = from;
            // A run of additions is one batch; whatever else comes between them must keep its place.
            while (to < tasks.size() && tasks.get(to).kind() == IndexTask.Kind.ADD) {
                to++;
            }
            List<IndexTask> run = tasks.subList(from, Math.max(to, from + 1));
            boolean changed = true;
            try {
                if (to == from) {
                    changed = applyOne(run.get(0), worker);
                } else {
                    addRun(run, batch, worker);
                }
            } catch (RuntimeException | Error e) {
                // Which of them are in the index is not known: all are tried again.
                run.forEach(task -> fail(task, WorkerMetrics.ErrorType.INTERNAL, worker, e));
            }
            changes.addAndGet(changed ? run.size() : 0);
            series.update();
            run.forEach(this::settle);
            from += run.size();
        }
        series.update(); // what was overtaken was taken back
    }

    private boolean isNewest(IndexTask task) {
        Long newest = pending.get(task.id());
        return newest != null && newest == task.generation();
    }

    private void addRun(List<IndexTask> run, Batch batch, WorkerMetrics worker) {
        List<IndexTask> added = new ArrayList<>(run.size());
        batch.clear();
        for (IndexTask task : run) {
            Optional<float[]> embedding = isNewest(task) ? embeddingOf(task, worker) : Optional.empty();
            if (embedding.isPresent()) {
                forgetUnconfirmed(task.id());
                batch.add(task.id(), task.generation(), embedding.get());
                added.add(task);
            }
        }
        if (added.isEmpty()) {
            return;
        }
        try {
            vectorsOf(batch.vector(0).length).addAll(batch);
            if (!failed.isEmpty()) {
                added.forEach(task -> failed.remove(task.id()));
            }
        } catch (StoredValues.StoreClosedException e) {
            added.forEach(task -> unconfirmed.add(task.id()));
        } catch (RuntimeException e) {
            worker.batchFailed(WorkerMetrics.ErrorType.INSERT);
            LOG.warn("A batch of {} for space {} failed; trying item by item", batch.size(), space, e);
            for (int i = 0; i < batch.size(); i++) {
                addOne(added.get(i), batch.generation(i), batch.vector(i), worker);
            }
        }
    }

    /** A snapshot may know that generation, or a later one, from a transaction that was aborted. */
    private void forgetUnconfirmed(String id) {
        if (unconfirmed.remove(id)) {
            index.ifPresent(vectors -> vectors.remove(id, Long.MAX_VALUE));
        }
    }

    private Optional<float[]> embeddingOf(IndexTask task, WorkerMetrics worker) {
        if (task.hasEmbedding()) {
            return Optional.of(task.embedding());
        }
        try {
            return values.embedding(space, task.id())
                    .filter(stored -> stored.generation() == task.generation())
                    .map(StoredValues.StoredEmbedding::vector);
        } catch (StoredValues.StoreClosedException e) {
            unconfirmed.add(task.id());
            return Optional.empty();
        } catch (RuntimeException e) {
            fail(task, WorkerMetrics.ErrorType.READ, worker, e);
            return Optional.empty();
        }
    }

    /** Returns true when the index did not have that already. */
    private boolean addOne(IndexTask task, long generation, float[] vector, WorkerMetrics worker) {
        try {
            VectorIndex vectors = vectorsOf(vector.length);
            if (!vectors.holds(task.id(), generation, vector)) {
                forgetUnconfirmed(task.id());
            }
            boolean added = vectors.add(task.id(), generation, vector);
            failed.remove(task.id());
            return added;
        } catch (StoredValues.StoreClosedException e) {
            throw e;
        } catch (RuntimeException e) {
            fail(task, WorkerMetrics.ErrorType.INSERT, worker, e);
            return false;
        }
    }

    /** False when the index is certainly as it was. */
    private boolean applyOne(IndexTask task, WorkerMetrics worker) {
        if (task.kind() == IndexTask.Kind.SYNC) {
            return sync(task, worker);
        }
        if (isNewest(task)) {
            remove(task);
        }
        return true;
    }

    /** Makes the index agree with the store, which may change meanwhile; false when it did already. */
    private boolean sync(IndexTask task, WorkerMetrics worker) {
        task.restore().compared();
        try {
            boolean changed = false;
            Optional<StoredValues.StoredEmbedding> stored;
            Optional<StoredValues.StoredEmbedding> now = values.embedding(space, task.id());
            do {
                stored = now;
                if (stored.isPresent()) {
                    changed |=
                            addOne(task, stored.get().generation(), stored.get().vector(), worker);
                } else {
                    failed.remove(task.id());
                    changed |= index.map(vectors -> vectors.remove(task.id(), Long.MAX_VALUE))
                            .orElse(false);
                }
                now = values.embedding(space, task.id());
            } while (generation(now) != generation(stored));
            count(task.restore(), unconfirmed.remove(task.id()), stored.isPresent(), changed);
            return changed;
        } catch (StoredValues.StoreClosedException e) {
            unconfirmed.add(task.id()); // what is saved at the end does not know what became of it
            LOG.debug("Store of space {} closed while {} was read", space, task.id());
        } catch (RuntimeException e) {
            fail(task, WorkerMetrics.ErrorType.READ, worker, e);
        }
        return true;
    }

    private static void count(RestoreProgress restore, boolean wasSaved, boolean isStored, boolean changed) {
        if (isStored && changed) {
            restore.inserted();
        } else if (isStored && wasSaved) {
            restore.confirmed();
        } else if (wasSaved && changed) {
            restore.dropped();
        }
    }

    private static long generation(Optional<StoredValues.StoredEmbedding> stored) {
        return stored.map(StoredValues.StoredEmbedding::generation).orElse(NOT_STORED);
    }

    private void remove(IndexTask task) {
        failed.remove(task.id());
        forgetUnconfirmed(task.id());
        index.ifPresent(vectors -> vectors.remove(task.id(), task.generation()));
    }

    private void fail(IndexTask task, WorkerMetrics.ErrorType type, WorkerMetrics worker, Throwable cause) {
        failed.put(task.id(), task.withoutEmbedding()); // it is read from the store when it is tried again
        worker.batchFailed(type);
        LOG.error(
                "Could not insert memory {} (generation {}) of space {}; it is kept, scanned by recall and tried again",
                task.id(),
                task.generation(),
                space,
                cause);
    }

    private void settle(IndexTask task) {
        List<Runnable> due = new ArrayList<>(0);
        if (task.isLive()) {
            boolean[] newest = {false};
            pending.computeIfPresent(task.id(), (id, generation) -> {
                newest[0] = generation == task.generation();
                return newest[0] ? end(id, due) : generation;
            });
            if (!newest[0] && !pending.containsKey(task.id())) {
                takeBack(task);
            }
        }
        inHand.computeIfPresent(task.id(), (id, count) -> count == 1 ? null : count - 1);
        if (!hasFailed(task)) {
            task.countInserted(metrics.knownSpace(space), clock.getAsLong());
        }
        task.done();
        due.forEach(Runnable::run);
    }

    private boolean hasFailed(IndexTask task) {
        return Optional.ofNullable(failed.get(task.id())).filter(task::isSame).isPresent();
    }

    /** Returns false when a newer change of that memory failed meanwhile, or succeeded. */
    private boolean forgetFailure(IndexTask task) {
        return Optional.ofNullable(failed.get(task.id()))
                .filter(task::isSame)
                .filter(found -> failed.remove(task.id(), found))
                .isPresent();
    }

    // Overtaken by a change that is done already: what this task may have added in the meantime must not stay.
    private void takeBack(IndexTask task) {
        forgetFailure(task);
        index.ifPresent(vectors -> vectors.remove(task.id(), task.generation()));
    }

    /** Tries again what could not be inserted; returns how many are in the index now. */
    @Override
    public int retryFailed() {
        int repaired = 0;
        for (IndexTask task : failed.values()) {
            try {
                Optional<StoredValues.StoredEmbedding> stored =
                        values.embedding(space, task.id()).filter(found -> found.generation() >= task.generation());
                forgetUnconfirmed(task.id());
                if (stored.isPresent()) {
                    vectorsOf(stored.get().vector().length)
                            .add(
                                    task.id(),
                                    stored.get().generation(),
                                    stored.get().vector());
                }
                if (!forgetFailure(task)) {
                    takeBack(task);
                } else if (stored.isPresent()) {
                    task.countInserted(metrics.knownSpace(space), clock.getAsLong());
                    repaired++;
                }
            } catch (RuntimeException | Error e) {
                LOG.debug("Memory {} of space {} still cannot be inserted", task.id(), space, e);
            }
        }
        series.update();
        return repaired;
    }

    /** The index for that dimension; one of another dimension is what a dropped space left behind. */
    private synchronized VectorIndex vectorsOf(int components) {
        if (index.isEmpty() || index.get().dimension() != components) {
            if (follower.state() == FollowerState.CLOSED) {
                throw new StoredValues.StoreClosedException(space);
            }
            if (follower.state() == FollowerState.OPENING) {
                throw new IllegalStateException("the index of space " + space + " is not open yet");
            }
            index.ifPresent(VectorIndex::close);
            try {
                index = Optional.of(follower.create(engine, components, source(values, space)));
            } catch (IOException e) {
                throw new UncheckedIOException(follower.directory() + " cannot be made: " + e, e);
            }
        }
        return index.get();
    }

    /** Recall asks here no more, so it no longer counts. */
    void retire() {
        series.close();
    }

    /** Releases the index; tasks that still come do no harm. */
    synchronized void close() {
        follower.on(FollowerState.Event.CLOSE);
        series.close();
        index.ifPresent(VectorIndex::close);
        failed.clear();
    }

    /** Releases the index and deletes its files: the space has gone. */
    void discard() {
        close();
        IndexFiles.delete(follower.directory());
    }
}
