package io.engram.benchmarks.index;

import io.engram.benchmarks.TemporaryDirectory;
import io.engram.index.Hit;
import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * One of our engines, in a directory that is deleted with it. One thread of its own seals, merges and compacts; once the inserts
 * are over, all is sealed. The originals that it compares at the end of a search are the vector set's.
 */
final class EngramContender implements Contender {
    private final TemporaryDirectory directory;
    private final ExecutorService background = Executors.newSingleThreadExecutor();
    private final IndexEngine engine;
    private final VectorSource source;
    private VectorIndex index;

    /** @param maker of the engine, with the executor that it works in */
    EngramContender(Function<Executor, IndexEngine> maker, VectorSet vectors) throws IOException {
        this.directory = TemporaryDirectory.create("engram-bench-index-");
        this.engine = maker.apply(background);
        this.source = (id, generation) -> Optional.of(vectors.base()[(int) generation]);
        this.index = open(vectors.dimension());
    }

    private VectorIndex open(int dimension) throws IOException {
        OpenedIndex opened = engine.open(directory.path(), dimension, source);
        if (!opened.damaged().isEmpty()) {
            throw opened.damaged().get(0).cause();
        }
        return opened.index();
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
    public void settle() throws IOException, InterruptedException {
        index.seal();
        try {
            background.submit(() -> {}).get();
        } catch (ExecutionException e) {
            throw new IOException(e);
        }
        if (index.failure().isPresent()) {
            throw index.failure().get();
        }
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
    public boolean commit() throws IOException {
        index.commit(new byte[0]);
        return true;
    }

    @Override
    public long diskBytes() throws IOException {
        return directory.bytes();
    }

    @Override
    public void reopen() throws IOException {
        index.close();
        index = open(index.dimension());
    }

    @Override
    public void close() throws IOException {
        index.close();
        background.shutdown();
        try {
            background.awaitTermination(1, TimeUnit.MINUTES);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        directory.close();
    }
}
