package io.engram.index.sketch;

import io.engram.index.DirectoryLocks;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Directories with indexes of small segments, for tests of their files. */
final class TestIndexes {
    static final int DIMENSION = 16;

    private TestIndexes() {}

    static SegmentedIndex.Settings settings(int openEntries, IndexDirectory.Steps steps) {
        SegmentedIndex.Settings small = SmallSegmentsEngine.settings(openEntries);
        return new SegmentedIndex.Settings(openEntries, small.openBytes(), small.policy(), steps, small.hash());
    }

    static SegmentedIndex.Opened open(Path directory, SegmentedIndex.Settings settings, Executor executor)
            throws IOException {
        return new SketchEngine(HnswParameters.DEFAULT, executor)
                .open(directory, DIMENSION, VectorSource.NONE, settings);
    }

    static SegmentedIndex.Opened open(Path directory) throws IOException {
        return open(directory, settings(100, IndexDirectory.Steps.NONE), Runnable::run);
    }

    /** A new index in a directory of its own. */
    static VectorIndex fresh(IndexEngine engine, Path root, int dimension, VectorSource source) {
        try {
            return engine.open(Files.createTempDirectory(root, "index-"), dimension, source)
                    .index();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same for the same number. */
    static float[] vector(long number) {
        Random random = new Random(number);
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    static void add(SegmentedIndex index, int from, int to) {
        for (int number = from; number < to; number++) {
            index.add("m" + number, number, vector(number));
        }
    }

    /** Ids and generations of what is live, each found by its vector. */
    static Set<String> content(SegmentedIndex index) {
        Set<String> content = new TreeSet<>();
        for (String id : index.ids()) {
            long number = Long.parseLong(id.substring(1));
            boolean found = index.search(SearchRequest.of(vector(number), 3, 100)).stream()
                    .anyMatch(hit -> hit.id().equals(id));
            content.add(id + (found && index.holds(id, number, vector(number)) ? "" : " is lost"));
        }
        return content;
    }

    /** Of the files, but for the lock. */
    static Set<String> names(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals(DirectoryLocks.FILE))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    static Path copy(Path directory, Path to) throws IOException {
        Files.createDirectories(to);
        for (String name : names(directory)) {
            Files.copy(directory.resolve(name), to.resolve(name));
        }
        return to;
    }
}
