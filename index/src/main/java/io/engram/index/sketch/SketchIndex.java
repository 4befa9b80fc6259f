package io.engram.index.sketch;

import io.engram.index.DamagedSegment;
import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.index.Vectors;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * A {@link VectorIndex} of graphs over bit sketches, which finds candidates; their bytes put them in order, and the
 * original vectors decide among the last of them.
 *
 * <pre>
 * locations   id → slot and ordinal of the newest entry          the truth: what is live
 * segments    slot → up to 60,000 entries and their graph        filled one after the other, or by several writers at once
 *
 * search      each segment: graph over sketches, ef nodes → int8 similarity
 *             all together: the best k and those that may be as good → exact cosine → the best k
 * </pre>
 *
 * A segment of which more than a quarter is dead is rebuilt beside the old one, which answers meanwhile.
 */
public final class SketchIndex implements VectorIndex {
    /** Of the index, its locks and its map. */
    private static final int OWN_BYTES = 600;

    /** Of an entry of the map: node, boxed location, share of the table; and the id. */
    private static final long LOCATION_BYTES = 130;

    private final int dimension;
    private final HnswParameters parameters;
    private final Searcher searcher;
    private final Executor compactor;
    private final ScratchPool scratches;
    private final ConcurrentHashMap<String, Long> locations = new ConcurrentHashMap<>();
    // Shared by all changes; exclusive for the moment in which a rebuilt segment takes over.
    private final ReadWriteLock swap = new ReentrantReadWriteLock();
    private final AtomicBoolean rebuilding = new AtomicBoolean();
    private final Segments segments;
    private volatile boolean closed;

    /**
     * @param dimension components of every vector, 1 or more
     * @param parameters of the graphs
     * @param source of the vectors that were added
     * @param compactor runs rebuilds; owned by the caller
     * @param scratches of this dimension
     */
    SketchIndex(
            int dimension, HnswParameters parameters, VectorSource source, Executor compactor, ScratchPool scratches) {
        if (dimension < 1) {
            throw new IllegalArgumentException("dimension < 1: " + dimension);
        }
        this.dimension = dimension;
        this.parameters = parameters;
        this.searcher = new Searcher(dimension, source, scratches);
        this.compactor = compactor;
        this.scratches = scratches;
        this.segments = new Segments(dimension, scratches.rotation(), parameters);
    }

    @Override
    public int dimension() {
        return dimension;
    }

    private static long location(int slot, int ordinal) {
        return (long) slot << 32 | ordinal;
    }

    private static int slot(long location) {
        return (int) (location >>> 32);
    }

    private static int ordinal(long location) {
        return (int) location;
    }

    private long generation(long location) {
        return segments.at(slot(location)).generation(ordinal(location));
    }

    @Override
    public boolean add(String id, long generation, float[] vector) {
        float[] unit = Vectors.normalised(vector, dimension);
        Scratch scratch = scratches.borrow();
        Lock shared = swap.readLock();
        shared.lock();
        try {
            Long known = locations.get(id);
            if (known != null && generation(known) >= generation) {
                return false;
            }
            long added = append(id, generation, unit, scratch);
            if (!publish(id, generation, added)) {
                kill(added);
                return false;
            }
        } finally {
            shared.unlock();
            scratches.back(scratch);
        }
        rebuildWhenDue();
        return true;
    }

    private boolean publish(String id, long generation, long added) {
        while (true) {
            Long known = locations.putIfAbsent(id, added);
            if (known == null) {
                return true;
            }
            if (generation(known) >= generation) {
                return false;
            }
            if (locations.replace(id, known, added)) {
                kill(known);
                return true;
            }
        }
    }

    private long append(String id, long generation, float[] unit, Scratch scratch) {
        while (true) {
            int slot = segments.lockOpen();
            OpenSegment segment = segments.at(slot);
            try {
                if (!segment.isSealed()) {
                    int ordinal = segment.append(id, generation, unit, scratch);
                    if (ordinal + 1 == OpenSegment.CAPACITY) {
                        segment.seal();
                    }
                    return location(slot, ordinal);
                }
            } finally {
                segment.lock().unlock();
            }
        }
    }

    private void kill(long location) {
        segments.at(slot(location)).kill(ordinal(location));
    }

    @Override
    public boolean remove(String id, long generation) {
        Lock shared = swap.readLock();
        shared.lock();
        try {
            Long location = locations.get(id);
            if (location == null || generation(location) > generation || !locations.remove(id, location)) {
                return false;
            }
            kill(location);
        } finally {
            shared.unlock();
        }
        rebuildWhenDue();
        return true;
    }

    @Override
    public List<Hit> search(SearchRequest request) {
        return searcher.search(request, segments.all(), size());
    }

    @Override
    public int size() {
        return locations.size();
    }

    @Override
    public Set<String> ids() {
        return Collections.unmodifiableSet(locations.keySet());
    }

    /** As exact as the compressed vectors are: a vector that differs by less than a step of them counts as the same. */
    @Override
    public boolean holds(String id, long generation, float[] vector) {
        float[] unit = Vectors.normalised(vector, dimension);
        Lock shared = swap.readLock();
        shared.lock();
        try {
            Long location = locations.get(id);
            return location != null
                    && generation(location) == generation
                    && segments.at(slot(location)).matches(ordinal(location), unit);
        } finally {
            shared.unlock();
        }
    }

    @Override
    public OptionalLong generation(String id) {
        Lock shared = swap.readLock();
        shared.lock();
        try {
            Long location = locations.get(id);
            return location == null ? OptionalLong.empty() : OptionalLong.of(generation(location));
        } finally {
            shared.unlock();
        }
    }

    /** Not supported: {@link #save} writes this index to a stream. */
    @Override
    public void commit(Supplier<byte[]> userData) {
        throw new UnsupportedOperationException("this index has no directory; save() writes it to a stream");
    }

    @Override
    public List<DamagedSegment> verify() {
        return List.of();
    }

    @Override
    public void drop(DamagedSegment damaged) {
        throw new UnsupportedOperationException("this index has no files");
    }

    @Override
    public void save(OutputStream out) throws IOException {
        new SketchSnapshot(dimension, segments.all()).write(parameters, out);
    }

    /** The index that was saved. */
    static SketchIndex of(
            SketchSnapshot snapshot,
            HnswParameters parameters,
            VectorSource source,
            Executor compactor,
            ScratchPool scratches) {
        SketchIndex index = new SketchIndex(snapshot.dimension(), parameters, source, compactor, scratches);
        OpenSegment[] all = snapshot.segments();
        index.segments.restore(all);
        for (int slot = 0; slot < all.length; slot++) {
            for (int ordinal = 0; ordinal < all[slot].size(); ordinal++) {
                if (all[slot].isLive(ordinal)) {
                    index.locate(slot, ordinal);
                }
            }
        }
        return index;
    }

    /** Of entries of one id the newest stays. */
    private void locate(int slot, int ordinal) {
        long found = location(slot, ordinal);
        if (!publish(segments.at(slot).id(ordinal), segments.at(slot).generation(ordinal), found)) {
            kill(found);
        }
    }

    @Override
    public long memoryBytes() {
        return OWN_BYTES + locations.size() * LOCATION_BYTES + segments.memoryBytes();
    }

    @Override
    public void close() {
        closed = true;
        swap.writeLock().lock();
        try {
            locations.clear();
            segments.clear();
        } finally {
            swap.writeLock().unlock();
        }
    }

    private void rebuildWhenDue() {
        if (Segments.dueForRebuild(segments.all()) >= 0 && rebuilding.compareAndSet(false, true)) {
            try {
                compactor.execute(this::rebuild);
            } catch (RejectedExecutionException e) {
                rebuilding.set(false); // shutting down; what is dead goes with the process
            }
        }
    }

    private void rebuild() {
        try {
            OpenSegment[] all = segments.all(); // close() may take them away meanwhile
            for (int slot = Segments.dueForRebuild(all); slot >= 0 && !closed; slot = Segments.dueForRebuild(all)) {
                rebuild(slot, all[slot]);
                all = segments.all();
            }
        } finally {
            rebuilding.set(false);
        }
    }

    /** Copies what is live into a segment of its own, catches up with what died meanwhile, and swaps. */
    private void rebuild(int slot, OpenSegment old) {
        old.lock().lock();
        try {
            old.seal();
        } finally {
            old.lock().unlock();
        }
        OpenSegment fresh = segments.unplaced(old.size() - old.dead());
        int[] origins = new int[old.size()];
        Scratch scratch = scratches.borrow();
        fresh.lock().lock();
        try {
            for (int ordinal = 0; ordinal < origins.length && !closed; ordinal++) {
                if (old.isLive(ordinal)) {
                    origins[fresh.copy(old, ordinal, scratch)] = ordinal;
                }
            }
        } finally {
            fresh.lock().unlock();
            scratches.back(scratch);
        }
        swap.writeLock().lock();
        try {
            if (!closed) {
                replace(slot, old, fresh, origins);
            }
        } finally {
            swap.writeLock().unlock();
        }
    }

    private void replace(int slot, OpenSegment old, OpenSegment fresh, int[] origins) {
        fresh.lock().lock();
        try {
            for (int ordinal = 0; ordinal < fresh.size(); ordinal++) {
                if (old.isLive(origins[ordinal])) {
                    locations.put(fresh.id(ordinal), location(slot, ordinal));
                } else {
                    fresh.kill(ordinal);
                }
            }
        } finally {
            fresh.lock().unlock();
        }
        segments.replace(slot, fresh);
    }
}
