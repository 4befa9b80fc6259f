package io.engram.app.capacity;

import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Measures how many observations per second one index worker of this machine inserts. */
final class Calibration {
    private static final int WARM_UP = 10_000;
    private static final int MEASURED = 20_000;
    private static final int CLUSTERS = 50;
    private static final double SPREAD = 0.5;

    private Calibration() {}

    /**
     * Inserts vectors in clusters into a fresh index with one thread, a few seconds long. The index is in a temporary directory
     * that is deleted afterwards.
     *
     * @return inserts per second
     * @throws IOException when the directory cannot be made, written or deleted
     * @throws IllegalStateException when the index took not all of them
     */
    static double insertsPerSecond(IndexEngine engine, int dimension) throws IOException {
        float[][] vectors = vectors(dimension);
        insert(engine, vectors, WARM_UP);
        long nanos = insert(engine, vectors, MEASURED);
        return MEASURED * (double) TimeUnit.SECONDS.toNanos(1) / nanos;
    }

    private static long insert(IndexEngine engine, float[][] vectors, int count) throws IOException {
        Path directory = Files.createTempDirectory("engram-calibration-");
        VectorSource source = (id, generation) -> Optional.of(vectors[(int) generation - 1]);
        try (VectorIndex index =
                engine.open(directory, vectors[0].length, source).index()) {
            long start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                index.add("memory-" + i, i + 1, vectors[i]);
            }
            long nanos = System.nanoTime() - start;
            if (index.size() != count) {
                throw new IllegalStateException("the index has " + index.size() + " of " + count + " vectors");
            }
            return nanos;
        } finally {
            delete(directory);
        }
    }

    /** An index has no directories in its own. */
    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    private static float[][] vectors(int dimension) {
        SplittableRandom random = new SplittableRandom(1);
        float[][] centres = new float[CLUSTERS][];
        for (int i = 0; i < CLUSTERS; i++) {
            centres[i] = gaussian(random, dimension);
        }
        float[][] vectors = new float[MEASURED][];
        for (int i = 0; i < MEASURED; i++) {
            vectors[i] = gaussian(random, dimension);
            float[] centre = centres[random.nextInt(CLUSTERS)];
            for (int j = 0; j < dimension; j++) {
                vectors[i][j] = centre[j] + (float) SPREAD * vectors[i][j];
            }
        }
        return vectors;
    }

    private static float[] gaussian(SplittableRandom random, int dimension) {
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }
}
