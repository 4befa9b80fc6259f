package io.engram.topology.indexing;

import io.engram.index.Hit;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * A real engine, with something that happens before each insert.
 *
 * @param before may throw, wait or take notes
 */
record InterceptedEngine(IndexEngine engine, BiConsumer<String, float[]> before) implements IndexEngine {
    @Override
    public String name() {
        return engine.name();
    }

    @Override
    public VectorIndex create(int dimension) {
        VectorIndex index = engine.create(dimension);
        return new VectorIndex() {
            @Override
            public int dimension() {
                return dimension;
            }

            @Override
            public boolean add(String id, long generation, float[] vector) {
                before.accept(id, vector);
                return index.add(id, generation, vector);
            }

            @Override
            public boolean remove(String id, long generation) {
                return index.remove(id, generation);
            }

            @Override
            public List<Hit> search(SearchRequest request) {
                return index.search(request);
            }

            @Override
            public int size() {
                return index.size();
            }

            @Override
            public long memoryBytes() {
                return index.memoryBytes();
            }

            @Override
            public void close() {
                index.close();
            }
        };
    }
}
