package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.index.Vectors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data that sketches, graphs or quantised codes are bad at. */
class HostileDataTest {
    private static final int QUERIES = 50;
    private static final int K = 10;

    private final Random random = new Random(42);

    @TempDir
    private Path root;

    IndexEngine engine() {
        return new SketchEngine(HnswParameters.DEFAULT, Runnable::run);
    }

    private float[] noise(int dimension, double scale) {
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) (scale * random.nextGaussian());
        }
        return vector;
    }

    private float[] near(float[] centre, double scale) {
        float[] vector = noise(centre.length, scale);
        for (int i = 0; i < vector.length; i++) {
            vector[i] += centre[i];
        }
        return vector;
    }

    /** recall@10 of queries that resemble the data, at the default accuracy. */
    private double recall(List<float[]> vectors, List<float[]> queries) {
        VectorSource source = (id, generation) -> Optional.of(vectors.get((int) generation));
        try (VectorIndex index = TestIndexes.fresh(engine(), root, vectors.get(0).length, source)) {
            for (int i = 0; i < vectors.size(); i++) {
                index.add("v" + i, i, vectors.get(i));
            }
            int found = 0;
            for (float[] query : queries) {
                double[] exact = new double[vectors.size()];
                for (int i = 0; i < exact.length; i++) {
                    exact[i] = Vectors.cosine(query, vectors.get(i));
                }
                double[] ordered = exact.clone();
                Arrays.sort(ordered);
                for (Hit hit : index.search(SearchRequest.of(query, K, 100))) {
                    found += exact[(int) hit.generation()] >= ordered[ordered.length - K] - 1e-6 ? 1 : 0;
                }
            }
            return (double) found / (queries.size() * K);
        }
    }

    private List<float[]> queriesLike(List<float[]> vectors, double scale) {
        List<float[]> queries = new ArrayList<>();
        for (int i = 0; i < QUERIES; i++) {
            queries.add(near(vectors.get(random.nextInt(vectors.size())), scale));
        }
        return queries;
    }

    @Test
    void shouldFindInTwoTightClustersFarApartThatComeOneAfterTheOther() {
        float[] one = noise(128, 1);
        float[] other = noise(128, 1);
        List<float[]> vectors = new ArrayList<>();
        for (int i = 0; i < 8_000; i++) {
            vectors.add(near(i < 4_000 ? one : other, 0.05));
        }
        assertThat(recall(vectors, queriesLike(vectors, 0.02))).isGreaterThanOrEqualTo(0.9);
    }

    @Test
    void shouldFindInTwoDimensions() {
        List<float[]> vectors = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            vectors.add(noise(2, 1));
        }
        assertThat(recall(vectors, queriesLike(vectors, 0.001))).isGreaterThanOrEqualTo(0.9);
    }

    @Test
    void shouldFindInManyDimensions() {
        List<float[]> centres = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            centres.add(noise(4_096, 1));
        }
        List<float[]> vectors = new ArrayList<>();
        for (int i = 0; i < 2_500; i++) {
            vectors.add(near(centres.get(i % 20), 0.5));
        }
        assertThat(recall(vectors, queriesLike(vectors, 0.3))).isGreaterThanOrEqualTo(0.9);
    }

    @Test
    void shouldFindWhatCameInOrder() {
        List<float[]> vectors = new ArrayList<>();
        float[] direction = noise(64, 1);
        for (int i = 0; i < 6_000; i++) {
            vectors.add(near(direction, 0.8));
        }
        vectors.sort(Comparator.comparingDouble(vector -> vector[0]));
        assertThat(recall(vectors, queriesLike(vectors, 0.1))).isGreaterThanOrEqualTo(0.9);
    }

    @Test
    void shouldFindBesideOneHugeComponentAndOneHugeNorm() {
        List<float[]> vectors = new ArrayList<>();
        for (int i = 0; i < 3_000; i++) {
            float[] vector = noise(64, 1);
            vector[7] += 50;
            vectors.add(vector);
        }
        float[] huge = noise(64, 1e18);
        vectors.set(1_500, huge);
        assertThat(recall(vectors, queriesLike(vectors, 0.1))).isGreaterThanOrEqualTo(0.9);
    }

    @Test
    void shouldFindDirectionsThatDifferByLessThanAStep() {
        List<float[]> vectors = new ArrayList<>();
        for (int i = 1; i <= 2_000; i++) {
            vectors.add(new float[] {1, i, i % 13});
        }
        assertThat(recall(vectors, vectors.subList(0, 300))).isGreaterThanOrEqualTo(0.9);
    }

    @Test
    void shouldFindAmongEqualVectors() {
        float[] same = noise(64, 1);
        List<float[]> vectors = new ArrayList<>();
        for (int i = 0; i < 3_000; i++) {
            vectors.add(same);
        }
        assertThat(recall(vectors, List.of(same, noise(64, 1)))).isEqualTo(1);
    }
}
