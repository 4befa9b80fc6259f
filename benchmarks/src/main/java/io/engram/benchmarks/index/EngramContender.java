package io.engram.benchmarks.index;

import io.engram.index.Hit;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** One of our engines. The originals that it compares at the end of a search are the vector set's. */
final class EngramContender implements Contender {
    private static final int BUFFER_BYTES = 1 << 16;

    private final IndexEngine engine;
    private final VectorSource source;
    private final VectorIndex index;

    EngramContender(IndexEngine engine, VectorSet vectors) {
        this.engine = engine;
        this.source = (id, generation) -> Optional.of(vectors.base()[(int) generation]);
        this.index = engine.create(vectors.dimension(), source);
    }

    private EngramContender(IndexEngine engine, VectorSource source, VectorIndex index) {
        this.engine = engine;
        this.source = source;
        this.index = index;
    }

    @Override
    public String name() {
        return "engram " + engine.name();
    }

    @Override
    public void add(int number, float[] vector) {
        index.add("memory-" + number, number, vector);
    }

    @Override
    public int[] search(float[] query, int k, int ef) {
        List<Hit> hits = index.search(SearchRequest.of(query, k, ef));
        return hits.stream().mapToInt(hit -> (int) hit.generation()).toArray();
    }

    @Override
    public boolean takesManyWriters() {
        return true;
    }

    @Override
    public boolean save(Path file) throws IOException {
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES)) {
            index.save(out);
        }
        return true;
    }

    @Override
    public Optional<Contender> load(Path file) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES)) {
            return Optional.of(new EngramContender(engine, source, engine.load(in, source)));
        }
    }

    @Override
    public void close() {
        index.close();
    }
}
