package io.engram.benchmarks.index;

import io.engram.index.Vectors;
import java.util.Arrays;

/** The true nearest of each query, by comparing it with every vector. */
final class ExactNeighbours {
    private final VectorSet vectors;
    private final int k;
    private final float[][] similarities;
    private final float[] least;

    /** @param count vectors that are in the index, from the first on */
    ExactNeighbours(VectorSet vectors, int count, int k) {
        this.vectors = vectors;
        this.k = k;
        this.similarities = new float[vectors.queries().length][count];
        this.least = new float[vectors.queries().length];
        float[] lengths = new float[count];
        for (int i = 0; i < count; i++) {
            lengths[i] = Vectors.length(vectors.base()[i]);
        }
        for (int q = 0; q < similarities.length; q++) {
            float[] query = Vectors.normalised(vectors.queries()[q]);
            for (int i = 0; i < count; i++) {
                similarities[q][i] = Vectors.dot(query, vectors.base()[i]) / lengths[i];
            }
            float[] ordered = similarities[q].clone();
            Arrays.sort(ordered);
            least[q] = ordered[Math.max(0, count - k)];
        }
    }

    /** Share of the k nearest that were found, over all queries; one as near as the k-th counts. */
    double recall(int[][] found) {
        long hits = 0;
        for (int q = 0; q < found.length; q++) {
            for (int number : found[q]) {
                hits += similarities[q][number] >= least[q] ? 1 : 0;
            }
        }
        return (double) hits / ((long) found.length * k);
    }
}
