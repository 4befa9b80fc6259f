package io.engram.topology.store;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.topology.follow.StoredValues;
import io.engram.topology.format.DueKind;
import io.engram.topology.format.GenerationBound;
import io.engram.topology.format.LargeMark;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.SpaceSize;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.progress.LanePositions;
import io.engram.topology.progress.LaneProgress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.query.FailureReason;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.query.PositionBound;
import org.apache.kafka.streams.query.Query;
import org.apache.kafka.streams.query.QueryConfig;
import org.apache.kafka.streams.query.QueryResult;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memories of a task and what is known of their spaces, typed; of sessions: {@link SessionStore}. Writes go through the
 * changelog; what they mean for the index is up to the caller.
 *
 * <p>Belongs to the stream thread, except for {@link #view} and {@link #query}, which are thread-safe.
 */
public final class MemoryStore implements StateStore {
    /** Generations are given out from blocks of this size, so that the bound is not written for each. */
    private static final long GENERATION_BLOCK = 1_000;

    /** Spaces whose records are kept decoded: every observation asks for its own more than once. */
    private static final int CACHED_SPACES = 1_000;

    private static final Logger LOG = LoggerFactory.getLogger(MemoryStore.class);
    private static final byte[] EMPTY = {};

    private KeyValueStore<Bytes, byte[]> store;
    private final IndexedStore inner;
    private final MemoryView view;
    private final OpenStores stores;
    private final int scanThreshold;
    private final Map<String, SpaceRecord> spaces = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, SpaceRecord> eldest) {
            return size() > CACHED_SPACES;
        }
    };
    private Optional<SpaceSizes> sizes = Optional.empty();
    private long generation;
    private long generationBound;
    private boolean active;
    private boolean fenced;
    // No key of that kind is before it: a store is slow to pass over what was deleted.
    private Bytes firstTombstone = StoreKeys.first(StoreKeys.TOMBSTONE);

    /**
     * @param scanThreshold most memories of a space without an index
     */
    MemoryStore(
            KeyValueStore<Bytes, byte[]> store,
            IndexedStore inner,
            MemoryView view,
            OpenStores stores,
            int scanThreshold) {
        this.stores = stores;
        this.store = store;
        this.inner = inner;
        this.view = view;
        this.scanThreshold = scanThreshold;
    }

    /**
     * The task is active now and its stores restored: generations go on from where they were.
     *
     * @param cached the task's other store, in which the sizes of spaces are
     */
    public void activate(Map<Lane, LaneProgress> lanes, KeyValueStore<Bytes, byte[]> cached) {
        // What was written since may have been a transaction that was aborted, or another instance's.
        spaces.clear();
        sizes = Optional.of(new SpaceSizes(cached));
        fenced = false;
        firstTombstone = StoreKeys.first(StoreKeys.TOMBSTONE);
        generation = Optional.ofNullable(store.get(StoreKeys.GENERATION))
                .map(GenerationBound::decode)
                .orElse(0L);
        generationBound = generation;
        active = true;
        inner.index().activated();
        view.commitPoints().start(generation);
        view.activated(lanes);
    }

    /** The task is no longer active here. */
    public void deactivate() {
        active = false;
        view.activated(Map.of());
    }

    /** What queries see. */
    public MemoryView view() {
        return view;
    }

    /** The last generation given out. */
    public long generation() {
        return generation;
    }

    /** Gives out the next generation. */
    public long nextGeneration() {
        if (!active) {
            throw new IllegalStateException("store " + name() + " is not active");
        }
        if (generation == generationBound) {
            generationBound = generation + GENERATION_BLOCK;
            store.put(StoreKeys.GENERATION, GenerationBound.encode(generationBound));
        }
        return ++generation;
    }

    /** What is stored under an id, tombstones included, unless it was dropped with its space. */
    public Optional<StoredMemory> memory(String space, String id) {
        return Optional.ofNullable(store.get(StoreKeys.memory(space, id)))
                .map(StoredMemory::of)
                .filter(memory -> !space(space).hides(memory));
    }

    /**
     * Deletes a memory without a trace: nobody may want to tell an older change of it from a new one. For sweeps, like {@link
     * #peekSpace}.
     *
     * @param stored what {@link #memory} says
     */
    public void deleteMemory(String space, String id, StoredMemory stored) {
        remove(StoreKeys.memory(space, id));
        resize(space, Optional.of(stored), 0, 0);
    }

    /**
     * As {@link #memory(String, String)}, for sweeps.
     *
     * @param record what is known of the space
     */
    public Optional<StoredMemory> memory(String space, SpaceRecord record, String id) {
        return Optional.ofNullable(store.get(StoreKeys.memory(space, id)))
                .map(StoredMemory::of)
                .filter(memory -> !record.hides(memory));
    }

    /**
     * Stores a memory.
     *
     * @param before what {@link #memory} said
     */
    public void putMemory(
            String space,
            String id,
            Observation observation,
            StoredMemory.Origin origin,
            Optional<StoredMemory> before) {
        byte[] value = StoredMemory.encode(observation, origin);
        store.put(StoreKeys.memory(space, id), value);
        resize(space, before, 1, value.length);
    }

    /**
     * Something else is about to be stored under an id. What a drop hides there is not swept then, so its key in order of time
     * goes here.
     *
     * @param record what is known of the space
     */
    public void displace(String space, SpaceRecord record, String id) {
        if (record.isBeingSwept()) {
            Optional.ofNullable(store.get(StoreKeys.memory(space, id)))
                    .map(StoredMemory::of)
                    .filter(record::hides)
                    .ifPresent(memory -> remove(StoreKeys.time(space, memory.enqueuedAtMs(), id)));
        }
    }

    /** Gives a memory another origin; what it says stays. */
    public void renewMemory(String space, String id, StoredMemory memory, StoredMemory.Origin origin) {
        store.put(StoreKeys.memory(space, id), memory.withOrigin(origin));
    }

    /**
     * Leaves a tombstone, so that an older change of the id is recognised for as long as it may still come.
     *
     * @param before what {@link #memory} said
     */
    public void putTombstone(String space, String id, StoredMemory.Origin origin, Optional<StoredMemory> before) {
        store.put(StoreKeys.memory(space, id), StoredMemory.encodeTombstone(origin));
        Bytes key = StoreKeys.tombstone(origin.enqueuedAtMs(), space, id);
        store.put(key, EMPTY);
        firstTombstone = earlier(firstTombstone, key);
        resize(space, before, 0, 0);
    }

    /** How much the space holds. */
    public SpaceSize size(String space) {
        return sizes().of(space);
    }

    private SpaceSizes sizes() {
        return sizes.orElseThrow(() -> new IllegalStateException("store " + name() + " is not active"));
    }

    /** The value of an id changed: {@code before} does not count any more, and so much more does. */
    private void resize(String space, Optional<StoredMemory> before, long memories, long bytes) {
        Optional<StoredMemory> counted = before.filter(memory -> counts(peekSpace(space), memory));
        long goneBytes = counted.map(memory -> (long) memory.sizeBytes()).orElse(0L);
        SpaceSize known = size(space);
        SpaceSize now = known.plus(memories - (counted.isPresent() ? 1 : 0), bytes - goneBytes);
        putSize(space, known, now.judged(scanThreshold));
    }

    /** What is left of a space that was dropped counts once the sweep has come by; see {@link #sweepDropped}. */
    private static boolean counts(SpaceRecord record, StoredMemory memory) {
        return !memory.isTombstone() && memory.generation() > record.droppedGeneration();
    }

    private void putSize(String space, SpaceSize before, SpaceSize now) {
        if (now.equals(before)) {
            return;
        }
        sizes().put(space, now);
        if (now.isLarge() && !before.isLarge()) {
            LargeMark mark = new LargeMark(generation, peekSpace(space).dimension());
            store.put(StoreKeys.large(space), mark.encode());
            inner.grown(space, mark);
        } else if (before.isLarge() && !now.isLarge()) {
            remove(StoreKeys.large(space));
            inner.index().drop(space);
        }
    }

    /** The space was dropped with all that it holds, and begins anew. */
    public void dropSpace(String space, SpaceRecord dropped) {
        putSpace(space, dropped);
        putSize(space, size(space), SpaceSize.EMPTY);
    }

    public SpaceRecord space(String space) {
        SpaceRecord cached = spaces.get(space);
        if (cached == null) {
            cached = storedSpace(space);
            spaces.put(space, cached);
        }
        return cached;
    }

    /** As {@link #space}, for sweeps: a space that nobody asked for lately takes no place among those that are in use. */
    public SpaceRecord peekSpace(String space) {
        SpaceRecord cached = spaces.get(space);
        return cached == null ? storedSpace(space) : cached;
    }

    private SpaceRecord storedSpace(String space) {
        return Optional.ofNullable(store.get(StoreKeys.space(space)))
                .map(SpaceRecord::decode)
                .orElse(SpaceRecord.UNKNOWN);
    }

    public void putSpace(String space, SpaceRecord record) {
        fence();
        store.put(StoreKeys.space(space), record.encode());
        spaces.put(space, record);
    }

    /** Without a space there is nothing to delete, and a partition that nobody uses writes nothing. */
    private void fence() {
        if (!fenced) {
            fenced = true;
            for (Bytes fence : StoreKeys.fences()) {
                if (store.get(fence) == null) {
                    store.put(fence, EMPTY);
                }
            }
        }
    }

    /** As {@link #putSpace}, for sweeps, like {@link #peekSpace}. */
    public void rewriteSpace(String space, SpaceRecord record) {
        store.put(StoreKeys.space(space), record.encode());
        spaces.replace(space, record);
    }

    public void deleteSpace(String space) {
        remove(StoreKeys.space(space));
        spaces.remove(space);
    }

    /** A space and what is known of it. */
    public record KnownSpace(String space, SpaceRecord record) {}

    /** Up to {@code max} spaces of which anything is known, in order of their names, behind {@code after}. */
    public List<KnownSpace> spacesAfter(Optional<String> after, int max) {
        Bytes from = after.map(space -> StoreKeys.successor(StoreKeys.space(space)))
                .orElse(StoreKeys.first(StoreKeys.SPACE));
        return page(from, StoreKeys.after(StoreKeys.SPACE), max).stream()
                .map(entry -> new KnownSpace(StoreKeys.body(entry.key.get()), SpaceRecord.decode(entry.value)))
                .toList();
    }

    /** What retention keeps. */
    public RetentionKeys retention() {
        return new RetentionKeys(() -> store);
    }

    /** The source offsets that were deferred. */
    public DeferredChunks deferred() {
        return new DeferredChunks(() -> store);
    }

    /** What is due of a kind; at most one per kind may be in use. */
    public DueQueue due(DueKind kind) {
        return new DueQueue(() -> store, kind);
    }

    /** How far the lanes were processed when {@link #putPositions} was last called. */
    public LanePositions positions() {
        return Optional.ofNullable(store.get(StoreKeys.POSITIONS))
                .map(LanePositions::decode)
                .orElse(LanePositions.NONE);
    }

    public void putPositions(LanePositions positions) {
        store.put(StoreKeys.POSITIONS, positions.encode());
    }

    /** A memory's place in the order of time. */
    public record TimedMemory(long timeMs, String id) {}

    /** True when nothing is stored under any id of the space, not even a tombstone. */
    public boolean isEmpty(String space) {
        return page(StoreKeys.firstMemory(space), StoreKeys.afterMemories(space), 1)
                .isEmpty();
    }

    /** A page of a space's memories. */
    public record MemoryPage(List<TimedMemory> memories, Optional<String> lastId) {}

    /** Up to {@code max} memories of a space in order of their ids, behind {@code after}. */
    public MemoryPage memoriesAfter(String space, Optional<String> after, int max) {
        Bytes from = after.map(id -> StoreKeys.successor(StoreKeys.memory(space, id)))
                .orElse(StoreKeys.firstMemory(space));
        List<KeyValue<Bytes, byte[]>> entries = page(from, StoreKeys.afterMemories(space), max);
        List<TimedMemory> memories = new ArrayList<>(entries.size());
        SpaceRecord record = peekSpace(space);
        for (KeyValue<Bytes, byte[]> entry : entries) {
            StoredMemory memory = StoredMemory.of(entry.value);
            if (!memory.isTombstone() && !record.hides(memory)) {
                memories.add(new TimedMemory(
                        memory.enqueuedAtMs(), MemoryKey.of(entry.key.get()).id()));
            }
        }
        return new MemoryPage(
                memories,
                entries.size() < max
                        ? Optional.empty()
                        : Optional.of(
                                MemoryKey.of(entries.get(max - 1).key.get()).id()));
    }

    /** Puts something between this store and what it reads and writes; for tests that count. */
    void interpose(UnaryOperator<KeyValueStore<Bytes, byte[]>> wrapper) {
        store = wrapper.apply(store);
    }

    /** Writes past all types; for tests that damage the store. */
    void putRaw(Bytes key, byte[] value) {
        store.put(key, value);
    }

    /** Deletes up to {@code max} tombstones that were left before {@code beforeMs}, the oldest first; returns how many. */
    public int purgeTombstones(long beforeMs, int max) {
        Bytes to = StoreKeys.tombstone(Math.max(0, beforeMs), "", "");
        if (to.compareTo(firstTombstone) <= 0) {
            return 0;
        }
        List<KeyValue<Bytes, byte[]>> old = page(firstTombstone, to, max);
        for (KeyValue<Bytes, byte[]> entry : old) {
            MemoryKey key = StoreKeys.memoryOfTombstone(entry.key.get());
            Bytes memoryKey = StoreKeys.memory(key.space(), key.id());
            Optional<StoredMemory> memory =
                    Optional.ofNullable(store.get(memoryKey)).map(StoredMemory::of);
            // The id may have been remembered anew, or forgotten again later.
            if (memory.filter(StoredMemory::isTombstone)
                    .filter(stone -> stone.enqueuedAtMs() < beforeMs)
                    .isPresent()) {
                remove(memoryKey);
            }
            remove(entry.key);
        }
        firstTombstone = old.size() < max ? to : StoreKeys.successor(old.get(max - 1).key);
        return old.size();
    }

    /**
     * Deletes those of up to {@code max} memories of a space that its last drop hides, or that have another dimension. What was
     * enqueued after the drop but processed before it stays: it counts from now on, and for that gets a new generation.
     *
     * @param record what is known of the space
     * @param after the id behind which to begin
     * @return the id behind which to go on; empty when this was the last page
     */
    public Optional<String> sweepDropped(String space, SpaceRecord record, Optional<String> after, int max) {
        Bytes from = after.map(id -> StoreKeys.successor(StoreKeys.memory(space, id)))
                .orElse(StoreKeys.firstMemory(space));
        List<KeyValue<Bytes, byte[]>> entries = page(from, StoreKeys.afterMemories(space), max);
        for (KeyValue<Bytes, byte[]> entry : entries) {
            StoredMemory memory = StoredMemory.of(entry.value);
            String id = MemoryKey.of(entry.key.get()).id();
            boolean misfit = !memory.isTombstone() && record.exists() && memory.dimension() != record.dimension();
            if (record.hides(memory) || misfit) {
                remove(entry.key);
                remove(StoreKeys.time(space, memory.enqueuedAtMs(), id));
            } else if (!memory.isTombstone() && !counts(record, memory)) {
                renewMemory(space, id, memory, memory.origin().withGeneration(nextGeneration()));
                resize(space, Optional.empty(), 1, memory.sizeBytes());
                inner.index().syncSoon(space, id, generation);
            }
        }
        return entries.size() < max
                ? Optional.empty()
                : Optional.of(MemoryKey.of(entries.get(max - 1).key.get()).id());
    }

    private static Bytes earlier(Bytes a, Bytes b) {
        return b.compareTo(a) < 0 ? b : a;
    }

    /** {@link KeyValueStore#delete} reads the value first, which nobody here wants. */
    private void remove(Bytes key) {
        store.put(key, null);
    }

    private List<KeyValue<Bytes, byte[]>> page(Bytes from, Bytes to, int max) {
        return page(store, from, to, max);
    }

    /** Up to {@code max} entries from {@code from} (inclusive) to {@code to} (exclusive). */
    static List<KeyValue<Bytes, byte[]>> page(KeyValueStore<Bytes, byte[]> store, Bytes from, Bytes to, int max) {
        List<KeyValue<Bytes, byte[]>> entries = new ArrayList<>();
        try (KeyValueIterator<Bytes, byte[]> iterator = store.range(from, to)) {
            while (entries.size() < max && iterator.hasNext()) {
                KeyValue<Bytes, byte[]> entry = iterator.next();
                if (entry.key.compareTo(to) < 0) {
                    entries.add(entry);
                }
            }
        }
        return entries;
    }

    @Override
    public <R> QueryResult<R> query(Query<R> query, PositionBound positionBound, QueryConfig config) {
        if (!(query instanceof StoreQuery<R> question)) {
            return QueryResult.forUnknownQueryType(query, this);
        }
        try {
            return QueryResult.forResult(question.question().apply(view));
        } catch (StoredValues.StoreClosedException e) {
            return QueryResult.forFailure(FailureReason.STORE_EXCEPTION, e.getMessage());
        }
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        int partition = context.taskId().partition();
        view.opened(partition, () -> stores.sessions(partition));
        store.init(context, root);
        stores.opened(view);
    }

    @Override
    public void close() {
        stores.closing(view);
        deactivate();
        store.close();
    }

    @Override
    public String name() {
        return inner.name();
    }

    @Override
    public boolean persistent() {
        return inner.persistent();
    }

    @Override
    public boolean isOpen() {
        return store.isOpen();
    }

    @Override
    public void commit(Map<TopicPartition, Long> changelogOffsets) {
        store.commit(changelogOffsets);
    }

    @Override
    public Long committedOffset(TopicPartition partition) {
        return store.committedOffset(partition);
    }

    @Override
    @SuppressWarnings("deprecation") // Streams still asks
    public boolean managesOffsets() {
        return inner.managesOffsets();
    }

    @Override
    public long approximateNumUncommittedBytes() {
        return store.approximateNumUncommittedBytes();
    }

    @Override
    public Position getPosition() {
        return store.getPosition();
    }
}
