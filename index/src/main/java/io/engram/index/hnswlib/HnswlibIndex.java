package io.engram.index.hnswlib;

import io.engram.index.DamagedSegment;
import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.Vectors;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.OptionalLong;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * A {@link VectorIndex} over hnswlib-core: float vectors at length 1, distance 1 - dot product.
 *
 * <pre>
 * entries   id → Entry(id, generation, unit vector)      the truth: what is live
 * graph     nodes of live, replaced and removed entries  answers searches; rebuilt when too many are dead
 * </pre>
 *
 * Small indexes have no graph and are scanned exactly. Beyond {@value #SCAN_THRESHOLD} entries each insert also links a
 * few of those that were there before, so that no single one waits for a graph to be built; until all are linked, searches
 * go on scanning. A filtered search widens its beam until enough entries pass, then scans.
 */
public final class HnswlibIndex implements VectorIndex {
    /** Up to this many entries an exact scan is as quick as a walk. */
    static final int SCAN_THRESHOLD = 1_000;

    /** Entries without a node that an insert links besides its own. */
    private static final int LINKED_PER_INSERT = 4;

    /** A graph is rebuilt when more than one node in this many is dead. */
    private static final int DEAD_SHARE = 4;

    private static final int WIDEN = 4;

    private final int dimension;
    private final HnswParameters parameters;
    private final Executor compactor;
    private final ConcurrentHashMap<String, Entry> entries = new ConcurrentHashMap<>();
    private final AtomicLong versions = new AtomicLong();
    // Rises after each change; a commit compares it with that of the last one.
    private final AtomicLong changes = new AtomicLong();
    private final HnswlibDirectory directory;
    // Shared by all changes; exclusive for the moment in which a rebuilt graph takes over.
    private final ReadWriteLock swap = new ReentrantReadWriteLock();
    private final AtomicBoolean compacting = new AtomicBoolean();
    // What was there when the graph was started and has no node yet; guarded by itself.
    private final Deque<Entry> backlog = new ArrayDeque<>();
    private final AtomicInteger unlinked = new AtomicInteger();
    private volatile boolean graphStarted;
    private volatile Graph graph;
    private volatile boolean closed;

    /**
     * @param dimension components of every vector, 1 or more
     * @param parameters of the graph
     * @param compactor runs rebuilds; owned by the caller
     * @param directory that it commits to, and gives up when it is closed
     */
    HnswlibIndex(int dimension, HnswParameters parameters, Executor compactor, HnswlibDirectory directory) {
        if (dimension < 1) {
            throw new IllegalArgumentException("dimension < 1: " + dimension);
        }
        this.dimension = dimension;
        this.parameters = parameters;
        this.compactor = compactor;
        this.directory = directory;
        this.graph = new Graph(dimension, parameters, 0);
    }

    /**
     * The index that was saved.
     *
     * @throws IOException when it holds no graph although it says so
     */
    HnswlibIndex(HnswlibSnapshot saved, HnswParameters parameters, Executor compactor, HnswlibDirectory directory)
            throws IOException {
        this(saved.dimension(), parameters, compactor, directory);
        for (int i = 0; i < saved.live().length; i++) {
            versions.accumulateAndGet(saved.entries().get(i).version(), Math::max);
            if (saved.live()[i]) {
                entries.put(saved.entries().get(i).id(), saved.entries().get(i));
            }
        }
        if (saved.nodes() != HnswlibSnapshot.NO_GRAPH) {
            List<Entry> nodes = saved.entries().subList(0, saved.nodes());
            graph = new Graph(new GraphCodec.Saved(saved.links(), nodes));
            for (int i = saved.nodes(); i < saved.live().length; i++) {
                backlog.add(saved.entries().get(i));
            }
            unlinked.set(backlog.size());
            graphStarted = true;
        }
    }

    @Override
    public int dimension() {
        return dimension;
    }

    @Override
    public boolean add(String id, long generation, float[] vector) {
        Entry entry = new Entry(id, generation, versions.incrementAndGet(), Vectors.normalised(vector, dimension));
        Lock shared = swap.readLock();
        shared.lock();
        try {
            Entry kept = entries.merge(id, entry, (old, fresh) -> fresh.generation() > old.generation() ? fresh : old);
            if (kept != entry) {
                return false;
            }
            link(entry);
            changes.incrementAndGet();
        } catch (RuntimeException | Error e) {
            // An entry that is not in the graph must not look live.
            entries.remove(id, entry);
            // Nor may a node without links be taken for it on the next attempt.
            graph.remove(entry);
            changes.incrementAndGet(); // what it replaced is gone
            throw e;
        } finally {
            shared.unlock();
        }
        compactWhenDue();
        return true;
    }

    private void link(Entry entry) {
        if (!graphStarted) {
            if (entries.size() <= SCAN_THRESHOLD) {
                return;
            }
            startGraph();
        }
        graph.add(entry);
        for (int i = 0; i < LINKED_PER_INSERT && unlinked.get() > 0; i++) {
            Entry earlier = nextOfBacklog();
            if (earlier == entry) {
                unlinked.decrementAndGet();
            } else if (earlier != null) {
                linkEarlier(earlier);
            }
        }
    }

    private void startGraph() {
        synchronized (backlog) {
            if (!graphStarted) {
                backlog.addAll(entries.values());
                unlinked.set(backlog.size());
                graphStarted = true;
            }
        }
    }

    /** Null when other threads are linking the last ones. */
    private Entry nextOfBacklog() {
        synchronized (backlog) {
            return backlog.pollFirst();
        }
    }

    private void linkEarlier(Entry earlier) {
        try {
            if (entries.get(earlier.id()) == earlier) {
                graph.add(earlier);
                if (entries.get(earlier.id()) != earlier) {
                    graph.remove(earlier); // removed or replaced while it was being linked
                }
            }
        } finally {
            unlinked.decrementAndGet();
        }
    }

    @Override
    public boolean remove(String id, long generation) {
        Lock shared = swap.readLock();
        shared.lock();
        try {
            Entry entry = entries.get(id);
            if (entry == null || entry.generation() > generation || !entries.remove(id, entry)) {
                return false;
            }
            graph.remove(entry);
            changes.incrementAndGet();
        } finally {
            shared.unlock();
        }
        compactWhenDue();
        return true;
    }

    @Override
    public List<Hit> search(SearchRequest request) {
        float[] query = Vectors.normalised(request.vector(), dimension);
        int live = entries.size();
        if (!graphStarted || live <= SCAN_THRESHOLD || unlinked.get() > 0) {
            return scan(query, request);
        }
        // A beam that would meet a quarter of all entries is slower than the scan of them all.
        for (int ef = Math.max(request.accuracy(), request.k());
                ef <= Math.max(request.accuracy(), live / 4);
                ef *= WIDEN) {
            List<Hit> hits = walk(query, request, ef);
            if (hits.size() == request.k() || request.isOver().getAsBoolean()) {
                return hits;
            }
        }
        return scan(query, request);
    }

    private List<Hit> walk(float[] query, SearchRequest request, int ef) {
        List<Hit> hits = new ArrayList<>(request.k());
        for (var result : graph.search(query, ef)) {
            Entry entry = result.item();
            // The graph may still hold what was replaced or removed meanwhile.
            if (entries.get(entry.id()) == entry && request.admits(entry.id(), entry.generation())) {
                hits.add(hit(entry, 1f - result.distance()));
                if (hits.size() == request.k()) {
                    break;
                }
            }
        }
        hits.sort(Hit.BEST_FIRST);
        return hits;
    }

    private List<Hit> scan(float[] query, SearchRequest request) {
        PriorityQueue<Hit> worstFirst = new PriorityQueue<>(Hit.BEST_FIRST.reversed());
        for (Entry entry : entries.values()) {
            if (request.isOver().getAsBoolean()) {
                break;
            }
            if (!request.admits(entry.id(), entry.generation())) {
                continue;
            }
            worstFirst.add(hit(entry, Vectors.dot(query, entry.vector())));
            if (worstFirst.size() > request.k()) {
                worstFirst.poll();
            }
        }
        List<Hit> hits = new ArrayList<>(worstFirst);
        hits.sort(Hit.BEST_FIRST);
        return hits;
    }

    private static Hit hit(Entry entry, float similarity) {
        return new Hit(entry.id(), entry.generation(), Math.max(-1f, Math.min(1f, similarity)));
    }

    @Override
    public int size() {
        return entries.size();
    }

    @Override
    public Set<String> ids() {
        return Collections.unmodifiableSet(entries.keySet());
    }

    @Override
    public OptionalLong generation(String id) {
        Entry entry = entries.get(id);
        return entry == null ? OptionalLong.empty() : OptionalLong.of(entry.generation());
    }

    @Override
    public boolean holds(String id, long generation, float[] vector) {
        Entry entry = entries.get(id);
        return entry != null
                && entry.generation() == generation
                && Arrays.equals(entry.vector(), Vectors.normalised(vector, dimension));
    }

    /** Writes all entries and links anew. */
    @Override
    public void commit(Supplier<byte[]> userData) throws IOException {
        directory.commit(userData, changes::get, this::snapshot);
    }

    @Override
    public List<DamagedSegment> verify() {
        return directory.verify();
    }

    /** The entries are in the heap and stay; the next commit writes the file anew. */
    @Override
    public void drop(DamagedSegment damaged) {
        directory.rewrite();
    }

    /** What is live and how it is linked, at one moment; the vectors never change and are written later. */
    private HnswlibSnapshot snapshot() throws IOException {
        swap.writeLock().lock();
        try {
            GraphCodec.Saved saved = graphStarted ? graph.save() : new GraphCodec.Saved(new byte[0], new ArrayList<>());
            List<Entry> all = saved.items();
            int nodes = graphStarted ? all.size() : HnswlibSnapshot.NO_GRAPH;
            Set<Entry> linked = Collections.newSetFromMap(new IdentityHashMap<>());
            linked.addAll(all);
            for (Entry entry : entries.values()) {
                if (!linked.contains(entry)) {
                    all.add(entry);
                }
            }
            boolean[] live = new boolean[all.size()];
            for (int i = 0; i < live.length; i++) {
                live[i] = entries.get(all.get(i).id()) == all.get(i);
            }
            return new HnswlibSnapshot(dimension, all, live, nodes, saved.links());
        } finally {
            swap.writeLock().unlock();
        }
    }

    @Override
    public long memoryBytes() {
        // Per node: the vector, its links (4 B each, 2M below and about M/16 above), and ~200 B of objects.
        long perNode = 4L * dimension + 4L * (2L * parameters.m() + 2) + 200;
        return Math.max(graph.usedNodes(), entries.size()) * perNode;
    }

    @Override
    public void close() {
        closed = true;
        directory.close();
        entries.clear();
        synchronized (backlog) {
            backlog.clear();
        }
        graph = new Graph(dimension, parameters, 0);
    }

    private void compactWhenDue() {
        int used = graph.usedNodes();
        boolean due = unlinked.get() == 0 && used > SCAN_THRESHOLD && used - entries.size() > used / DEAD_SHARE;
        if (due && compacting.compareAndSet(false, true)) {
            try {
                compactor.execute(this::compact);
            } catch (RejectedExecutionException e) {
                compacting.set(false); // shutting down; the dead nodes go with the process
            }
        }
    }

    /** Builds a graph of the live entries beside the old one, catches up with what changed meanwhile, and swaps. */
    private void compact() {
        try {
            Graph fresh = new Graph(dimension, parameters, entries.size());
            ConcurrentHashMap<String, Entry> copied = new ConcurrentHashMap<>();
            // Each round copies what the round before missed; the last, under the lock, is short.
            for (int round = 0; round < 3 && !closed; round++) {
                catchUp(fresh, copied);
            }
            swap.writeLock().lock();
            try {
                if (!closed) {
                    catchUp(fresh, copied);
                    graph = fresh;
                }
            } finally {
                swap.writeLock().unlock();
            }
        } finally {
            compacting.set(false);
        }
    }

    private void catchUp(Graph fresh, ConcurrentHashMap<String, Entry> copied) {
        for (Entry entry : copied.values()) {
            if (entries.get(entry.id()) != entry) {
                fresh.remove(entry);
                copied.remove(entry.id());
            }
        }
        for (Entry entry : entries.values()) {
            if (copied.get(entry.id()) != entry) {
                fresh.add(entry);
                copied.put(entry.id(), entry);
            }
        }
    }
}
