package io.engram.topology.follow;

import io.engram.index.IndexEngine;
import io.engram.topology.format.JournalPosition;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.progress.LanePositions;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.RestoreProgress;
import io.engram.topology.workers.Change;
import io.engram.topology.workers.IndexTask;
import io.engram.topology.workers.IndexWorkers;
import io.engram.topology.workers.IndexedPartition;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The indexes of the large spaces of one partition. Belongs to the partition's store: made with it, closed with it. A small
 * space has none: whatever is said of it here does nothing, and recall reads it from the store.
 *
 * <p>Each starts from its files, see {@link FollowerState}:
 *
 * <pre>
 * made → files opened ───→ journal or store read ──→ complete: recall sees everything
 *        (changes wait)    (a standby, or an active
 *                          task once it is restored)
 * </pre>
 *
 * A space that becomes large later gets its index at once, which follows every change from there on, and what was stored
 * before is handed over beside it. Until that is in, recall goes on reading the store. With {@link #drop} it is small again.
 *
 * Thread-safe.
 */
public final class PartitionIndex implements IndexedPartition {
    private static final Logger LOG = LoggerFactory.getLogger(PartitionIndex.class);

    private final String task;
    private final int partition;
    private final IndexFiles files;
    private final ChangeJournal journal;
    private final IndexCommits commits;
    private final IndexWorkers workers;
    private final IndexEngine engine;
    private final EngramMetrics metrics;
    private final StoredValues values;
    private final LongSupplier clock;
    private final Map<String, SpaceIndex> spaces = new ConcurrentHashMap<>();
    // Of those that grew: what is to be done before they are complete ends with that epoch.
    private final Map<SpaceIndex, Integer> handedOver = new ConcurrentHashMap<>();
    // Those that grew while the partition was restored: it is not complete without them.
    private final Set<SpaceIndex> grewEarly = ConcurrentHashMap.newKeySet();
    private final BackgroundEpochs background = new BackgroundEpochs();
    private final AtomicLong newestGeneration = new AtomicLong();
    private final AtomicLong spacesDropped = new AtomicLong();
    private final AtomicLong changesOfSmall = new AtomicLong();
    private final RestoreProgress restore;
    private final long openedAtNanos = System.nanoTime();
    // Live changes that came before the files were opened; guarded by itself.
    private final List<IndexTask> early = new ArrayList<>();
    private final Object completeness = new Object();
    private volatile LanePositions restoredTo = LanePositions.NONE;
    private volatile LanePositions indexedTo = LanePositions.NONE;
    private volatile int mark;
    private volatile boolean adopted;
    private volatile boolean loaded;
    private volatile boolean restored;
    private volatile boolean reconciled;
    private volatile boolean complete;
    private volatile boolean closed;

    /**
     * @param task that these memories belong to, e.g. {@code 0_3}
     * @param partition of the task; decides which worker is at home here
     * @param files of its indexes
     * @param journal of the store
     * @param clock epoch milliseconds
     */
    public PartitionIndex(
            String task,
            int partition,
            IndexFiles files,
            ChangeJournal journal,
            IndexWorkers workers,
            IndexEngine engine,
            EngramMetrics metrics,
            StoredValues values,
            LongSupplier clock) {
        this.task = task;
        this.partition = partition;
        this.files = files;
        this.journal = journal;
        this.commits = new IndexCommits(files, journal);
        this.workers = workers;
        this.engine = engine;
        this.metrics = metrics;
        this.values = values;
        this.clock = clock;
        this.restore = new RestoreProgress(metrics.snapshots());
        workers.register(this);
    }

    /** The task that these memories belong to, e.g. {@code 0_3}. */
    public String task() {
        return task;
    }

    @Override
    public int partition() {
        return partition;
    }

    /** The index of a space, complete or not; empty when the space is small. */
    public Optional<SpaceIndex> find(String space) {
        return Optional.ofNullable(spaces.get(space));
    }

    /** The index of a space when it has everything that is stored of it; else the store is to be read. */
    public Optional<SpaceIndex> searchable(String space) {
        return find(space).filter(this::isComplete);
    }

    private boolean isComplete(SpaceIndex index) {
        if (!index.isFollowing()) {
            Integer end = handedOver.get(index);
            if (end == null || !background.isReached(end)) {
                return false;
            }
            index.follower().caughtUp();
            handedOver.remove(index);
            grewEarly.remove(index);
        }
        return true;
    }

    /** The space was large already when the store was opened: its index is opened, and filled, before the partition is complete. */
    public void large(String space, long since, int dimension) {
        spaces.computeIfAbsent(space, name -> newIndex(name, since, dimension, true));
    }

    /**
     * The space became large: it has an index from now on.
     *
     * @param since generation with which it did
     * @param dimension of its vectors
     * @return false when it had one already; else the caller hands over what is stored of it, and says so
     */
    public boolean grow(String space, long since, int dimension) {
        SpaceIndex made = newIndex(space, since, dimension, false);
        if (closed || spaces.containsKey(space)) {
            made.retire();
            return false;
        }
        synchronized (files) { // nobody may take its files for those of nobody meanwhile
            // It has files already when a crash, or a lost store, has taken back that it had become large: next to
            // never.
            made.openOrBuild();
            spaces.put(space, made);
        }
        if (!complete) {
            grewEarly.add(made);
        }
        if (closed) {
            made.close(); // grew while the partition was closing
        }
        return true;
    }

    /** All that is to be done before the index of a space follows was handed over. */
    public void handedOver(SpaceIndex index) {
        if (restored) {
            // The store has all that was committed: what it has not confirmed by now it has not.
            replayUnsure(index);
        }
        index.follower().handedOver();
        handedOver.put(index, background.mark());
    }

    /**
     * Opens the files of an index.
     *
     * @throws IOException when they cannot be read for a reason that may pass
     */
    public void open(SpaceIndex index) throws IOException {
        restore.takenOver(index.open());
        if (closed) {
            index.close(); // closed while it was being opened
        }
    }

    /**
     * Takes what is damaged out of the indexes; those of which all must be read again.
     *
     * @param which are looked at, which takes as long as reading their files
     */
    List<SpaceIndex> dropDamaged(Predicate<SpaceIndex> which) {
        return spaces.values().stream()
                .filter(which)
                .filter(SpaceIndex::dropDamaged)
                .toList();
    }

    /** From where the journal is to be read for the indexes that were opened; empty when it is not. */
    Optional<JournalPosition> replaysFrom() {
        return spaces.values().stream()
                .flatMap(index -> index.follower().replaysFrom().stream())
                .min(Comparator.naturalOrder());
    }

    /** A change in the journal: whatever index may have missed it looks it up. May wait for room. */
    public void replay(String space, String id, JournalPosition position) {
        find(space).filter(index -> index.follower().replay(position)).ifPresent(index -> sync(space, id, 0));
    }

    /** What a saved index may have otherwise than the store is looked up, unless it is about to be. May wait for room. */
    void replayUnsure(SpaceIndex index) {
        for (String id : index.unconfirmed()) {
            if (!index.isInHand(id)) {
                sync(index.space(), id, 0);
            }
        }
    }

    /** All spaces with an index here. */
    @Override
    public Collection<SpaceIndex> spaces() {
        return spaces.values();
    }

    /** Every index is open: changes may be applied from now on. */
    public void allOpened() {
        synchronized (early) {
            adopted = true;
            early.forEach(waiting -> workers.enqueue(this, waiting));
            early.clear();
        }
    }

    /**
     * Saves every index that changed, then has the journal forget what none needs any more. One thread at a time.
     *
     * @throws SnapshotException when a file cannot be written; the others are saved nevertheless
     */
    public IndexCommits.Saved commit() throws SnapshotException {
        spaces.values().forEach(this::isComplete);
        return commits.commit(spaces.values(), adopted, space -> spaces.get(space.space()) == space);
    }

    /** Nothing has changed for long: what is in the heap gets files. */
    public void rest() throws SnapshotException {
        commits.rest(spaces.values());
    }

    /** What is in the heap of an index of this partition gets a file. */
    void rest(SpaceIndex space) throws SnapshotException {
        commits.rest(List.of(space));
    }

    /** Bytes of the files, as of when they were written or opened. */
    long savedBytes() {
        return commits.bytes(spaces.values());
    }

    /** True once changes are applied: before, nothing of it may be saved. */
    boolean isOpened() {
        return adopted;
    }

    /** Rises with every change of the partition: of an index, or of a small space, which may have one later. */
    public long changes() {
        long changes = spacesDropped.get() + changesOfSmall.get();
        for (SpaceIndex space : spaces.values()) {
            changes += space.changes();
        }
        return changes;
    }

    /** Estimated bytes of all indexes here. */
    @Override
    public long memoryBytes() {
        long bytes = 0;
        for (SpaceIndex space : spaces.values()) {
            bytes += space.memoryBytes();
        }
        return bytes;
    }

    /**
     * Hands over a change of a lane; waits a bounded time when too much is waiting already.
     *
     * @return false when the space is small: its change is recallable already, and the record done with
     */
    public boolean submit(String space, Change change, LaneProgress progress) {
        SpaceIndex index = spaces.get(space);
        if (index == null) {
            settled(change.generation());
            changesOfSmall.incrementAndGet();
            if (change.embedding().length > 0) {
                double seconds = Math.max(0, clock.getAsLong() - change.enqueuedAtMs()) / 1_000.0;
                metrics.knownSpace(space).observed(progress.lane(), seconds);
            }
            return false;
        }
        index.announce(change.id(), change.generation());
        IndexTask.Kind kind = change.embedding().length > 0 ? IndexTask.Kind.ADD : IndexTask.Kind.REMOVE;
        progress.begin(change.sourceOffset());
        IndexTask live = IndexTask.live(index, kind, change, progress, workers.hasRoomForEmbeddings());
        workers.accept(live);
        if (!holdBack(live)) {
            workers.enqueue(this, live);
        }
        workers.awaitRoomForLive();
        return true;
    }

    /**
     * A record repeats a memory whose change may still wait for a worker, on another lane: it is recallable no sooner.
     *
     * @return true when the record finishes with that change; else nothing was done
     */
    public boolean finishWith(String space, String id, LaneProgress progress, long sourceOffset) {
        Optional<SpaceIndex> waiting = find(space).filter(index -> index.awaits(id));
        if (waiting.isEmpty()) {
            return false;
        }
        progress.begin(sourceOffset);
        if (!waiting.get().follow(id, progress.lane(), () -> progress.done(sourceOffset))) {
            // It is in by now, or an earlier record of the lane waits for it, which none later can overtake.
            progress.done(sourceOffset);
        }
        return true;
    }

    private boolean holdBack(IndexTask live) {
        if (adopted) {
            return false;
        }
        synchronized (early) {
            return !adopted && !closed && early.add(live);
        }
    }

    /** Has the index follow a memory of the store while loading, restoring, or as a standby. May wait for room. */
    public void restore(String space, String id, long generation, float[] embedding) {
        SpaceIndex index = spaces.get(space);
        if (index == null) {
            settled(generation);
            changesOfSmall.incrementAndGet();
        } else if (adopted && !index.confirm(id, generation, embedding, restore)) {
            // What is stored before the snapshots are in is read when they are.
            sync(space, id, generation);
        }
    }

    /** Has the index follow the store for that id, whatever it says. May wait for room. */
    public void sync(String space, String id, long generation) {
        syncSoon(space, id, generation);
        workers.awaitRoomForBackground();
    }

    /** The store has no such memory any more. May wait for room. */
    public void forgotten(String space, String id) {
        sync(space, id, 0);
    }

    /** A memory was deleted by others than its clients: what is still on its way to the index must not bring it back. */
    public void withdraw(String space, String id) {
        find(space).ifPresent(index -> {
            index.withdraw(id);
            syncSoon(space, id, 0);
        });
    }

    /** True when {@link #syncSoon} and {@link #withdraw} do not add to a long queue. */
    public boolean hasBackgroundRoom() {
        return background.pending() < workers.backgroundLimit();
    }

    /** As {@link #sync}, but never waits: for stream threads. */
    public void syncSoon(String space, String id, long generation) {
        SpaceIndex index = spaces.get(space);
        if (index == null || closed || !adopted) {
            return;
        }
        index.announceSync(id);
        IndexTask sync = IndexTask.background(index, id, generation, clock.getAsLong(), restore, background.begin());
        workers.submitBackground(this, sync);
    }

    /** What the store was told so far reaches to these positions; the index follows. */
    public void restoredTo(LanePositions positions) {
        restoredTo = positions;
    }

    /** The store reached to these positions when it was opened. */
    void loadedTo(LanePositions positions) {
        if (restoredTo.equals(LanePositions.NONE)) {
            restoredTo = positions;
        }
    }

    /** A standby's index reaches at least to these positions. */
    public LanePositions indexedTo() {
        LanePositions reached = restoredTo;
        if (loaded && background.pending() == 0) {
            indexedTo = reached;
        }
        return indexedTo;
    }

    /** True when the index has that id, in whatever version. */
    public boolean holds(String space, String id) {
        return find(space)
                .flatMap(SpaceIndex::vectors)
                .filter(vectors -> vectors.ids().contains(id))
                .isPresent();
    }

    /** The newest generation that a worker has dealt with. */
    public long newestGeneration() {
        return newestGeneration.get();
    }

    @Override
    public void settled(long generation) {
        newestGeneration.accumulateAndGet(generation, Math::max);
    }

    @Override
    public void backgroundDone(IndexTask done) {
        background.done(done.epoch());
    }

    /** Discards the index of a space; what still waits for it does no harm. */
    public void drop(String space) {
        SpaceIndex dropped = spaces.remove(space);
        if (dropped != null) {
            handedOver.remove(dropped);
            grewEarly.remove(dropped);
            spacesDropped.addAndGet(dropped.changes() + 1); // the sum must not fall
            dropped.retire();
            workers.runLater(dropped::discard); // it may have to wait for files that are being written
        }
    }

    /** Everything that the store held when it was opened has been handed over. */
    public void loaded() {
        mark = background.mark();
        loaded = true;
        reconcile();
    }

    /** The store holds all that was committed; whatever snapshots brought besides is gone. */
    public void restored() {
        restored = true;
        workers.runLater(this::reconcile); // may have to wait for room, which a stream thread must not
    }

    /** The partition becomes active: what was restored last must be indexed before it answers. */
    public void activated() {
        synchronized (completeness) {
            complete = false;
            restored = true; // here as well: nobody may see the one without the other
            mark = background.mark();
        }
        restored();
    }

    private synchronized void reconcile() {
        if (!loaded || !restored || reconciled) {
            return;
        }
        spaces.values().forEach(this::replayUnsure);
        deleteWhatNobodyHas();
        mark = background.mark();
        reconciled = true;
    }

    /** What was dropped while a process ended, or was never known to have become large. */
    private void deleteWhatNobodyHas() {
        try {
            for (Path directory : files.indexes()) {
                synchronized (files) {
                    if (spaces.values().stream()
                            .noneMatch(space -> space.follower().directory().equals(directory))) {
                        IndexFiles.delete(directory);
                    }
                }
            }
        } catch (IOException e) {
            LOG.warn("Cannot list the indexes in {}: {}", files.directory(), e.toString());
        }
    }

    /** True once recall sees everything that was stored when the partition was opened or became active. */
    public boolean isCaughtUp() {
        if (!complete) {
            synchronized (completeness) {
                complete = loaded
                        && (reconciled || !restored)
                        && background.isReached(mark)
                        && grewEarly.stream().allMatch(this::isComplete);
            }
            if (complete) {
                reportComplete();
            }
        }
        return complete && !closed;
    }

    private synchronized void reportComplete() {
        if (!restore.isFinished()) {
            restore.finish();
            // Of a partition without an index that says nothing.
            LOG.atLevel(restore.isEmpty() ? Level.DEBUG : Level.INFO)
                    .log(
                            "The index of {} is complete: {}, {} ms",
                            task,
                            restore,
                            TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - openedAtNanos));
        }
    }

    /** Memories that are in the index since it was opened, for a progress message. */
    long restoredSoFar() {
        return restore.done();
    }

    /** Records of the changelog that a standby has stored but not indexed yet. */
    public int backgroundPending() {
        return background.pending();
    }

    /** True when the task has gone elsewhere. */
    @Override
    public boolean isClosed() {
        return closed;
    }

    /** Ends all work here; the indexes themselves stay until they are saved and {@link #release}d. */
    public void close() {
        closed = true;
        synchronized (early) {
            // Counted already: the workers pass over them, and count them out.
            early.forEach(waiting -> workers.enqueue(this, waiting));
            early.clear();
        }
        workers.unregister(this);
        spaces.values().forEach(SpaceIndex::retire);
    }

    /** Releases the indexes; their files stay. */
    public void release() {
        spaces.values().forEach(SpaceIndex::close);
    }

    private SpaceIndex newIndex(String space, long since, int dimension, boolean fromTheStart) {
        Follower follower =
                new Follower(space, files.of(space, since), dimension, fromTheStart, journal, metrics.snapshots());
        return new SpaceIndex(space, follower, engine, values, metrics, clock);
    }
}
