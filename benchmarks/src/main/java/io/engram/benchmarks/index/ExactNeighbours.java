package io.engram.benchmarks.index;

import io.engram.index.Vectors;
import java.util.Arrays;

/** How near the true nearest of each query are, by comparing it with every vector. */
final class ExactNeighbours {
    private final VectorSet vectors;
    private final float[][] queries;
    private final int k;
    private final float[] least;

    /** @param k how many nearest of each query count */
    ExactNeighbours(VectorSet vectors, int k) {
        this.vectors = vectors;
        this.k = k;
        this.queries = Arrays.stream(vectors.queries()).map(Vectors::normalised).toArray(float[][]::new);
        float[][] similarities = new float[queries.length][vectors.base().length];
        for (int i = 0; i < vectors.base().length; i++) {
            float length = Vectors.length(vectors.base()[i]);
            for (int q = 0; q < queries.length; q++) {
                similarities[q][i] = Vectors.dot(queries[q], vectors.base()[i]) / length;
            }
        }
        this.least = new float[queries.length];
        for (int q = 0; q < queries.length; q++) {
            Arrays.sort(similarities[q]);
            least[q] = similarities[q][Math.max(0, similarities[q].length - k)];
        }
    }

    /** Share of the k nearest that were found, over all queries; one as near as the k-th counts. */
    double recall(int[][] found) {
        long hits = 0;
        for (int q = 0; q < found.length; q++) {
            for (int number : found[q]) {
                float[] vector = vectors.base()[number];
                hits += Vectors.dot(queries[q], vector) / Vectors.length(vector) >= least[q] ? 1 : 0;
            }
        }
        return (double) hits / ((long) found.length * k);
    }
}
