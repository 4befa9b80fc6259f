package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.Vectors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Texts that repeat have one vector each: hundreds of copies, which must neither hide nor be hidden. */
class CopiesTest {
    private static final int DIMENSION = 128;
    private static final int QUERIES = 40;

    private final Random random = new Random(34);
    private final List<float[]> vectors = new ArrayList<>();
    private final float[] one = Vectors.normalised(noise());
    private final float[] other = Vectors.normalised(noise());

    @TempDir
    private Path root;

    private VectorIndex index;

    IndexEngine engine() {
        return new SketchEngine(HnswParameters.DEFAULT, Runnable::run);
    }

    @BeforeEach
    void open() {
        index = TestIndexes.fresh(engine(), root, DIMENSION, (id, number) -> Optional.of(vectors.get((int) number)));
    }

    @AfterEach
    void close() {
        index.close();
    }

    private float[] noise() {
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    private void add(String id, float[] vector) {
        vectors.add(vector);
        index.add(id, vectors.size() - 1, vector);
    }

    private void addCopies(String name, float[] of, int count, double apart) {
        for (int i = 0; i < count; i++) {
            float[] copy = noise();
            for (int d = 0; d < DIMENSION; d++) {
                copy[d] = (float) (of[d] + apart / Math.sqrt(DIMENSION) * copy[d]);
            }
            add(name + i, copy);
        }
    }

    private void addUnrelated(int count) {
        for (int i = 0; i < count; i++) {
            add("unrelated" + i, noise());
        }
    }

    /** At a cosine of 0.7; to all that is unrelated it is below 0.5. */
    private float[] query(float[] to) {
        float[] aside = noise();
        double along = Vectors.dot(aside, to);
        for (int d = 0; d < DIMENSION; d++) {
            aside[d] -= (float) (along * to[d]);
        }
        aside = Vectors.normalised(aside);
        for (int d = 0; d < DIMENSION; d++) {
            aside[d] = (float) (0.7 * to[d] + Math.sqrt(1 - 0.49) * aside[d]);
        }
        return aside;
    }

    private double share(float[] to, String name, int k) {
        int found = 0;
        for (int q = 0; q < QUERIES; q++) {
            for (Hit hit : index.search(SearchRequest.of(query(to), k, 100))) {
                found += hit.id().startsWith(name) ? 1 : 0;
            }
        }
        return (double) found / (QUERIES * k);
    }

    @ParameterizedTest
    @CsvSource({
        "1500, 8000, 1500, 0",
        "1500, 8000, 1500, 0.02",
        "1500, 8000, 1500, 0.2",
        "3000, 20000, 2000, 0",
        "900, 3000, 200, 0",
        "12000, 700, 300, 0.02"
    })
    void shouldFindCopiesFromAfarAndWhatIsBesideThem(int before, int unrelated, int after, double apart) {
        addCopies("one", one, before, apart);
        addUnrelated(unrelated);
        addCopies("other", other, after, apart);

        assertThat(share(one, "one", 10)).isGreaterThanOrEqualTo(0.98);
        assertThat(share(other, "other", 10)).isGreaterThanOrEqualTo(0.98);
        assertThat(share(other, "other", 100)).isGreaterThanOrEqualTo(0.95);
        int found = 0;
        for (int i = 0; i < 200; i++) {
            int number = before + random.nextInt(unrelated);
            List<Hit> hits = index.search(SearchRequest.of(vectors.get(number), 1, 100));
            found += hits.get(0).generation() == number ? 1 : 0;
        }
        assertThat(found).isGreaterThanOrEqualTo(198);
    }

    @ParameterizedTest
    @CsvSource({"0, true", "0, false", "0.02, true"})
    void shouldFindTheCopiesThatAreLeft(double apart, boolean oldestFirst) {
        addCopies("one", one, 1_500, apart);
        addUnrelated(6_000);
        addCopies("other", other, 1_500, apart);
        for (int i = 0; i < 1_480; i++) {
            int number = oldestFirst ? i : 1_499 - i;
            index.remove("one" + number, Long.MAX_VALUE);
            index.remove("other" + number, Long.MAX_VALUE);
        }

        assertThat(share(one, "one", 10)).isEqualTo(1);
        assertThat(share(other, "other", 10)).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"0", "0.02"})
    void shouldFindTheCopiesThatAreLeftWhileTooFewAreDeadForARebuild(double apart) {
        addCopies("one", one, 1_500, apart);
        addUnrelated(6_000);
        for (int i = 0; i < 1_480; i++) {
            index.remove("one" + i, Long.MAX_VALUE);
        }

        assertThat(share(one, "one", 10)).isEqualTo(1);
        assertThat(share(one, "one", 20)).isEqualTo(1);
    }
}
