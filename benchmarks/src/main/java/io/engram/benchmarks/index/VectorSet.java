package io.engram.benchmarks.index;

import io.engram.benchmarks.ClusteredVectors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * Vectors to index and queries that are not among them.
 *
 * @param name for the report
 */
record VectorSet(String name, float[][] base, float[][] queries) {
    private static final int QUERIES = 200;

    /** {@link ClusteredVectors}; queries come from the same clusters. */
    static VectorSet clustered(int count, int dimension, long seed) {
        ClusteredVectors vectors = new ClusteredVectors(dimension, seed);
        float[][] all = new float[count + QUERIES][];
        for (int i = 0; i < all.length; i++) {
            all[i] = vectors.vector(i);
        }
        return lastAsQueries("clustered-" + dimension, all);
    }

    /** The vectors of a {@link VectorFile}, and the queries of another; without one the last 200 vectors are queries. */
    static VectorSet of(Path base, Optional<Path> queries) throws IOException {
        float[][] all = VectorFile.read(base);
        String name = base.getFileName().toString();
        if (queries.isPresent()) {
            return new VectorSet(name, all, VectorFile.read(queries.get()));
        }
        if (all.length < 2 * QUERIES) {
            throw new IOException(base + ": " + all.length + " vectors are too few to take " + QUERIES
                    + " queries from them; use --queries");
        }
        return lastAsQueries(name, all);
    }

    private static VectorSet lastAsQueries(String name, float[][] all) {
        int count = all.length - QUERIES;
        return new VectorSet(name, Arrays.copyOf(all, count), Arrays.copyOfRange(all, count, all.length));
    }

    int dimension() {
        return base[0].length;
    }
}
