package io.engram.topology.follow;

import io.engram.index.DamagedSegment;
import io.engram.index.Hit;
import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/**
 * A real engine, with something that happens before each insert.
 *
 * @param before may throw, wait or take notes
 */
public record InterceptedEngine(IndexEngine engine, BiConsumer<String, float[]> before) implements IndexEngine {
    @Override
    public String name() {
        return engine.name();
    }

    @Override
    public OpenedIndex open(Path directory, int dimension, VectorSource source) throws IOException {
        OpenedIndex opened = engine.open(directory, dimension, source);
        return new OpenedIndex(intercepted(opened.index()), opened.userData(), opened.damaged());
    }

    private VectorIndex intercepted(VectorIndex index) {
        return new VectorIndex() {
            @Override
            public int dimension() {
                return index.dimension();
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
            public Set<String> ids() {
                return index.ids();
            }

            @Override
            public OptionalLong generation(String id) {
                return index.generation(id);
            }

            @Override
            public void commit(Supplier<byte[]> userData) throws IOException {
                index.commit(userData);
            }

            @Override
            public void seal() throws IOException {
                index.seal();
            }

            @Override
            public void warm() {
                index.warm();
            }

            @Override
            public List<DamagedSegment> verify() {
                return index.verify();
            }

            @Override
            public void drop(DamagedSegment damaged) {
                index.drop(damaged);
            }

            @Override
            public Optional<IOException> failure() {
                return index.failure();
            }

            @Override
            public boolean holds(String id, long generation, float[] vector) {
                return index.holds(id, generation, vector);
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
