package io.engram.benchmarks.index;

import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.OpenedIndex;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.index.sketch.SketchEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Our index in a directory. One thread of its own seals and merges; once the inserts are over, all is sealed. */
final class DirectoryContender implements Contender {
    private static final byte[] NO_USER_DATA = new byte[0];

    private final HnswParameters parameters;
    private final VectorSource source;
    private final int dimension;
    private final Path directory;
    private final boolean isOwner;
    private final ExecutorService background = Executors.newSingleThreadExecutor();
    private final VectorIndex index;

    DirectoryContender(HnswParameters parameters, VectorSet vectors) throws IOException {
        this(
                parameters,
                (id, generation) -> Optional.of(vectors.base()[(int) generation]),
                vectors.dimension(),
                Files.createTempDirectory("engram-bench-index-"),
                true);
    }

    private DirectoryContender(
            HnswParameters parameters, VectorSource source, int dimension, Path directory, boolean isOwner)
            throws IOException {
        this.parameters = parameters;
        this.source = source;
        this.dimension = dimension;
        this.directory = directory;
        this.isOwner = isOwner;
        OpenedIndex opened = new SketchEngine(parameters, background).open(directory, dimension, source);
        if (!opened.damaged().isEmpty()) {
            throw opened.damaged().get(0).cause();
        }
        this.index = opened.index();
    }

    @Override
    public String name() {
        return "engram sketch in files";
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
        index.commit(NO_USER_DATA);
        return true;
    }

    /** One index at a time has the directory open: this one is of no use afterwards. */
    @Override
    public Optional<Contender> load(Path file) throws IOException {
        index.close();
        return Optional.of(new DirectoryContender(parameters, source, dimension, directory, false));
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
        if (isOwner) {
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path file : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
                    Files.delete(file);
                }
            }
        }
    }
}
