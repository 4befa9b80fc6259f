package io.engram.benchmarks.endtoend;

import io.engram.index.DamagedSegment;
import io.engram.index.Hit;
import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** Remembers ids and finds nothing: what is left of the product is the ceiling of what an index can reach in it. */
public final class UnindexedEngine implements IndexEngine {
    @Override
    public String name() {
        return "unindexed";
    }

    /** Nothing is ever in the directory. */
    @Override
    public OpenedIndex open(Path directory, int dimension, VectorSource source) {
        return new OpenedIndex(new Unindexed(dimension, new ConcurrentHashMap<>()), Optional.empty(), List.of());
    }

    private record Unindexed(int dimension, Map<String, Long> generations) implements VectorIndex {
        @Override
        public boolean add(String id, long generation, float[] vector) {
            return generations.merge(id, generation, Math::max) == generation;
        }

        @Override
        public boolean remove(String id, long generation) {
            return generations.computeIfPresent(id, (key, known) -> known > generation ? known : null) == null;
        }

        @Override
        public List<Hit> search(SearchRequest request) {
            return List.of();
        }

        @Override
        public int size() {
            return generations.size();
        }

        @Override
        public Set<String> ids() {
            return Collections.unmodifiableSet(generations.keySet());
        }

        @Override
        public OptionalLong generation(String id) {
            Long known = generations.get(id);
            return known == null ? OptionalLong.empty() : OptionalLong.of(known);
        }

        @Override
        public void commit(Supplier<byte[]> userData) {
            // Nothing to keep; runs are over before anyone opens it again.
        }

        @Override
        public List<DamagedSegment> verify() {
            return List.of();
        }

        @Override
        public void drop(DamagedSegment damaged) {
            throw new UnsupportedOperationException("no files, so none is damaged");
        }

        @Override
        public boolean holds(String id, long generation, float[] vector) {
            return Long.valueOf(generation).equals(generations.get(id));
        }

        @Override
        public long memoryBytes() {
            return 0;
        }

        @Override
        public void close() {
            generations.clear();
        }
    }
}
