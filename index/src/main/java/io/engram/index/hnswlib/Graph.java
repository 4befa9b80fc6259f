package io.engram.index.hnswlib;

import com.github.jelmerk.hnswlib.core.SearchResult;
import com.github.jelmerk.hnswlib.core.hnsw.HnswIndex;
import io.engram.index.HnswParameters;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * One hnswlib-core graph over unit vectors that grows past its first capacity.
 *
 * <p>The library's {@code resize} replaces arrays under running searches and inserts, and an upsert into a full graph
 * loses the old entry. So all use of the graph holds the shared side of a lock, growing holds its exclusive side for the
 * copy of one array, and room is made before each insert.
 */
final class Graph {
    private static final int FIRST_CAPACITY = 4_096;

    private final HnswIndex<String, float[], Entry, Float> index;
    private final ReadWriteLock growth = new ReentrantReadWriteLock();
    // An insert waits for one of the library's bit sets, of which there is one per core, while it holds its node; with
    // more inserts than cores they could all wait for each other.
    private final Semaphore inserts = new Semaphore(Runtime.getRuntime().availableProcessors());
    // Nodes are never reused, and every insert may take one.
    private final AtomicInteger usedNodes = new AtomicInteger();

    Graph(int dimension, HnswParameters parameters, int capacity) {
        this.index = HnswIndex.newBuilder(dimension, UnitDistance.INSTANCE, Math.max(capacity, FIRST_CAPACITY))
                .withCustomSerializers(GraphCodec.IdSerializer.INSTANCE, GraphCodec.ItemSerializer.INSTANCE)
                .withM(parameters.m())
                .withEfConstruction(parameters.efConstruction())
                // A search asks for as many results as its beam is wide, so the built-in minimum must not bind.
                .withEf(1)
                .withRemoveEnabled()
                .build();
    }

    /** A graph that {@link #save} wrote. */
    Graph(GraphCodec.Saved saved) throws IOException {
        this.index = GraphCodec.load(saved.links(), saved.items());
        usedNodes.set(saved.items().size());
    }

    /** The caller keeps inserts and removals out meanwhile; searches may go on. */
    GraphCodec.Saved save() throws IOException {
        return GraphCodec.save(index);
    }

    void add(Entry entry) {
        int needed = usedNodes.incrementAndGet();
        if (needed > index.getMaxItemCount()) {
            grow(needed);
        }
        inserts.acquireUninterruptibly();
        growth.readLock().lock();
        try {
            index.add(entry);
        } finally {
            growth.readLock().unlock();
            inserts.release();
        }
    }

    void remove(Entry entry) {
        growth.readLock().lock();
        try {
            index.remove(entry.id(), entry.version());
        } finally {
            growth.readLock().unlock();
        }
    }

    /** The entries that a walk with a beam of {@code ef} ends with, nearest first. */
    List<SearchResult<Entry, Float>> search(float[] unitQuery, int ef) {
        growth.readLock().lock();
        try {
            return index.findNearest(unitQuery, ef);
        } finally {
            growth.readLock().unlock();
        }
    }

    /** Nodes taken so far, those of removed and replaced entries included. */
    int usedNodes() {
        return usedNodes.get();
    }

    private void grow(int needed) {
        growth.writeLock().lock();
        try {
            int capacity = index.getMaxItemCount();
            if (needed > capacity) {
                index.resize(Math.max(needed, (int) Math.min(Integer.MAX_VALUE - 8L, capacity * 2L)));
            }
        } finally {
            growth.writeLock().unlock();
        }
    }
}
