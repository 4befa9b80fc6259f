package io.engram.index.sketch;

import io.engram.index.DamagedSegment;
import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.index.Vectors;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Lock;
import java.util.function.Supplier;

/**
 * A {@link VectorIndex} in a directory: what is new is in the heap, everything else in mapped files, which need next to no heap
 * and are not read to be opened.
 *
 * <pre>
 * open segments     heap; entries are appended, a graph grows with them; by several writers one each
 *       │ full, a quarter of it dead, or {@link #seal}
 * sealed segments   a file each, mapped; what is dead of it is a bitset in the heap
 *       │ several of a size, or a quarter of one dead
 * merged            another sealed segment
 * </pre>
 *
 * <p>On the disk the index is what it was at its last {@link #commit}, whatever happens to the process; everything that
 * had returned before the commit began is in it. Segments are sealed and merged by an executor of the caller's; when that falls
 * behind, writers seal. One process at a time may have a directory open.
 *
 * <p>Ids are compared by their UTF-8 bytes. Thread-safe.
 */
public final class SegmentedIndex implements VectorIndex {
    /** Of the index, its locks and its lists, and of the lock on the directory. */
    private static final int OWN_BYTES = 3_100;

    /** Full segments that wait for their file before a writer sees to it. */
    private static final int MAX_WAITING = 2;

    /** What is live of a segment is to have another one when more than one entry in this many is dead. */
    private static final int DEAD_SHARE = 4;

    private static final int STRIPES = 64;

    /**
     * What tests choose otherwise.
     *
     * @param openEntries at which an open segment is full
     * @param openBytes that the file of a segment may have, about, before it is full
     * @param hash of the ids of a new index
     */
    record Settings(
            int openEntries, long openBytes, MergePolicy policy, IndexDirectory.Steps steps, Supplier<IdHash> hash) {
        static final Settings DEFAULT = new Settings(
                OpenSegment.CAPACITY, 1 << 30, MergePolicy.DEFAULT, IndexDirectory.Steps.NONE, IdHash::random);
    }

    private final int dimension;
    private final IdHash hash;
    private final ScratchPool scratches;
    private final Searcher searcher;
    private final Executor executor;
    private final Settings settings;
    private final Parts parts;
    private final Maintenance maintenance;
    private final AtomicBoolean maintaining = new AtomicBoolean();
    private final Object[] stripes = new Object[STRIPES];
    private volatile Optional<IOException> failure = Optional.empty();

    /**
     * The index in a directory; {@link SketchEngine#open} makes it.
     *
     * @param opened the directory and its last commit
     * @param view what of that commit is whole
     */
    SegmentedIndex(
            IndexDirectory.Opened opened,
            View view,
            int dimension,
            HnswParameters parameters,
            IdHash hash,
            VectorSource source,
            Executor executor,
            ScratchPool scratches,
            Settings settings) {
        this.dimension = dimension;
        this.hash = hash;
        this.scratches = scratches;
        this.searcher = new Searcher(dimension, source, scratches);
        this.executor = executor;
        this.settings = settings;
        this.parts = new Parts(view, beside -> OpenPart.of(empty(beside, parameters), hash));
        this.maintenance = new Maintenance(
                opened.directory(),
                opened.manifest(),
                parts,
                settings.policy(),
                dimension,
                parameters,
                scratches,
                hash);
        for (int i = 0; i < STRIPES; i++) {
            stripes[i] = new Object();
        }
    }

    private OpenSegment empty(View beside, HnswParameters parameters) {
        // An index that has filled a segment is likely to fill another.
        boolean hasFull = Arrays.stream(beside.all()).anyMatch(segment -> segment.size() >= OpenSegment.CAPACITY);
        return new OpenSegment(dimension, scratches.rotation(), parameters, hasFull ? OpenSegment.RESERVED : 0);
    }

    /**
     * An index that was opened.
     *
     * @param index without what is damaged
     * @param userData of the last commit; none when there was none
     * @param damaged segments that are not in the index; the next commit forgets them
     */
    record Opened(SegmentedIndex index, Optional<byte[]> userData, List<DamagedSegment> damaged) {}

    @Override
    public int dimension() {
        return dimension;
    }

    @Override
    public boolean add(String id, long generation, float[] vector) {
        float[] unit = Vectors.normalised(vector, dimension);
        IdHash.Key key = hash.key(id);
        Optional<View.Location> known;
        boolean filled;
        Scratch scratch = scratches.borrow();
        Lock changing = parts.changing();
        changing.lock();
        try {
            synchronized (stripe(key)) {
                known = parts.view().find(key);
                if (known.isPresent() && known.get().generation() >= generation) {
                    return false;
                }
                filled = append(key, generation, unit, scratch);
                known.ifPresent(old -> old.segment().kill(old.ordinal()));
            }
        } finally {
            changing.unlock();
            scratches.back(scratch);
        }
        if (filled) {
            sealWhenBehind();
        }
        if (filled || known.isPresent() && isMuchDead(known.get().segment())) {
            maintain();
        }
        return true;
    }

    /** Changes of one id wait for each other, should callers not see to it. */
    private Object stripe(IdHash.Key key) {
        return stripes[key.hash() >>> Integer.SIZE - Integer.numberOfTrailingZeros(STRIPES)];
    }

    /** True when the segment is full with it. */
    private boolean append(IdHash.Key key, long generation, float[] unit, Scratch scratch) {
        while (true) {
            OpenPart part = parts.lockOpen();
            OpenSegment segment = part.segment();
            try {
                if (!segment.isSealed()) {
                    part.append(key, generation, unit, scratch);
                    if (segment.size() < settings.openEntries() && part.fileBytes() < settings.openBytes()) {
                        return false;
                    }
                    segment.seal();
                    return true;
                }
            } finally {
                segment.lock().unlock();
            }
        }
    }

    /** An open segment is scanned, and does without, until it has a graph that dead nodes may cut through. */
    private static boolean isMuchDead(Segment segment) {
        return (segment instanceof SealedSegment || segment.hasGraph()) && segment.dead() > segment.size() / DEAD_SHARE;
    }

    @Override
    public boolean remove(String id, long generation) {
        IdHash.Key key = hash.key(id);
        Optional<View.Location> known;
        Lock changing = parts.changing();
        changing.lock();
        try {
            synchronized (stripe(key)) {
                known = parts.view().find(key);
                if (known.isEmpty() || known.get().generation() > generation) {
                    return false;
                }
                known.get().segment().kill(known.get().ordinal());
            }
        } finally {
            changing.unlock();
        }
        if (isMuchDead(known.get().segment())) {
            maintain();
        }
        return true;
    }

    /** Full segments that have no file yet. */
    private long waiting() {
        return Arrays.stream(parts.view().openSegments())
                .filter(OpenSegment::isSealed)
                .count();
    }

    private void sealWhenBehind() {
        if (waiting() > MAX_WAITING) {
            try {
                maintenance.sealFull();
            } catch (IOException e) {
                failure = Optional.of(e);
            }
        }
    }

    private void maintain() {
        if (maintaining.compareAndSet(false, true)) {
            try {
                executor.execute(this::sealAndMerge);
            } catch (RejectedExecutionException e) {
                maintaining.set(false); // shutting down; a commit seals what is full
            }
        }
    }

    private void sealAndMerge() {
        try {
            maintenance.endOpen(SegmentedIndex::isMuchDead);
            maintenance.sealFull();
            while (maintenance.merge()) {
                maintenance.sealFull();
            }
            failure = Optional.empty();
        } catch (IOException e) {
            failure = Optional.of(e);
        } finally {
            maintaining.set(false);
        }
        if (failure.isEmpty() && waiting() > 0 && !maintenance.isClosed()) {
            maintain(); // filled after it was looked for, by a writer that saw this at work
        }
    }

    @Override
    public Optional<IOException> failure() {
        return failure;
    }

    @Override
    public List<Hit> search(SearchRequest request) {
        View view = parts.view();
        return searcher.search(request, view.all(), view.live());
    }

    @Override
    public int size() {
        return parts.view().live();
    }

    @Override
    public Set<String> ids() {
        return new LiveIds(parts, hash);
    }

    @Override
    public OptionalLong generation(String id) {
        Optional<View.Location> known = parts.view().find(hash.key(id));
        return known.isPresent() ? OptionalLong.of(known.get().generation()) : OptionalLong.empty();
    }

    /** As exact as the compressed vectors are: a vector that differs by less than a step of them counts as the same. */
    @Override
    public boolean holds(String id, long generation, float[] vector) {
        float[] unit = Vectors.normalised(vector, dimension);
        Optional<View.Location> known = parts.view().find(hash.key(id));
        return known.isPresent()
                && known.get().generation() == generation
                && known.get().segment().matches(known.get().ordinal(), unit);
    }

    /**
     * Writes what is new: the entries of open segments to which some were added, what is dead, and the user data. Changes wait
     * while the links of such segments are copied.
     */
    @Override
    public void commit(Supplier<byte[]> userData) throws IOException {
        maintenance.commit(userData);
    }

    @Override
    public void seal() throws IOException {
        maintenance.endOpen(segment -> segment.size() > 0);
        maintenance.sealFull();
        maintain();
    }

    @Override
    public void warm() {
        parts.view().sealed().forEach(SealedSegment::warm);
    }

    @Override
    public List<DamagedSegment> verify() {
        return maintenance.verify();
    }

    @Override
    public void drop(DamagedSegment damaged) {
        maintenance.drop(damaged);
    }

    /** Heap only: what is mapped is in the page cache, as far as there is room. */
    @Override
    public long memoryBytes() {
        View view = parts.view();
        long bytes = OWN_BYTES;
        for (OpenPart part : view.open()) {
            bytes += part.memoryBytes();
        }
        for (SealedSegment segment : view.sealed()) {
            bytes += segment.memoryBytes();
        }
        return bytes;
    }

    @Override
    public void close() {
        maintenance.close();
    }
}
