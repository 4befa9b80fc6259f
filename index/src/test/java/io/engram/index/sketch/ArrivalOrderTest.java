package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.index.Vectors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is found does not depend on what came first: not after a start that misleads, nor after deletions and a restart. */
class ArrivalOrderTest {
    private static final int DIMENSION = 96;
    private static final int K = 10;
    private static final int QUERIES = 40;
    private static final double TOLERANCE = 0.02;

    /** Entries in the order in which they come, and what queries are near. */
    enum Arrivals {
        COPIES_FIRST {
            @Override
            void fill(Data data) {
                data.copies(0, 1_500, 0).unrelated(4_000).copies(1, 1_500, 0);
            }
        },
        COPIES_LAST {
            @Override
            void fill(Data data) {
                data.unrelated(3_000).copies(0, 2_500, 0);
            }
        },
        NEAR_COPIES_FIRST {
            @Override
            void fill(Data data) {
                data.copies(0, 1_500, 0.02).unrelated(4_000).copies(1, 1_500, 0.02);
            }
        },
        ALMOST_ONLY_COPIES {
            @Override
            void fill(Data data) {
                data.copies(0, 5_000, 0).unrelated(300);
            }
        },
        ALMOST_ONLY_NEAR_COPIES {
            @Override
            void fill(Data data) {
                data.copies(0, 5_000, 0.05).unrelated(300);
            }
        },
        ONE_TOPIC_FIRST {
            @Override
            void fill(Data data) {
                data.copies(0, 1_200, 1).unrelated(5_000);
            }
        },
        TWO_TOPICS_FIRST {
            @Override
            void fill(Data data) {
                data.copies(0, 700, 0.7).copies(1, 700, 0.7).unrelated(5_000);
            }
        },
        TIGHT_TOPIC_FIRST {
            @Override
            void fill(Data data) {
                data.copies(0, 1_200, 0.3).unrelated(5_000);
            }
        },
        SORTED_BY_TOPIC {
            @Override
            void fill(Data data) {
                for (int topic = 0; topic < 20; topic++) {
                    data.copies(topic, 300, 0.7);
                }
            }
        },
        SORTED_BY_TIGHT_TOPIC {
            @Override
            void fill(Data data) {
                for (int topic = 0; topic < 6; topic++) {
                    data.copies(topic, 1_000, 0.1);
                }
            }
        },
        TOPICS_IN_TURNS_AND_THEN_OTHERS {
            @Override
            void fill(Data data) {
                for (int turn = 0; turn < 800; turn++) {
                    data.entry(0, 0.3).entry(1, 0.3);
                }
                data.copies(0, 20, 0.3).unrelated(4_000);
            }
        },
        AMONG_WHICH_SOME_LIE_AT_THE_CENTRE {
            @Override
            void fill(Data data) {
                data.copies(0, 5_000, 1.5).copies(0, 30, 0.1);
            }
        };

        abstract void fill(Data data);
    }

    /** Deterministic. */
    static final class Data {
        private final Random random = new Random(5);
        private final float[][] topics = new float[20][];
        private final List<float[]> entries = new ArrayList<>();
        private final List<float[]> queries = new ArrayList<>();

        Data() {
            for (int topic = 0; topic < topics.length; topic++) {
                topics[topic] = Vectors.normalised(near(new float[DIMENSION], 1));
            }
        }

        /** Noise whose length is about {@code noise}. */
        private float[] near(float[] direction, double noise) {
            float[] vector = direction.clone();
            for (int i = 0; i < DIMENSION; i++) {
                vector[i] += (float) (noise / Math.sqrt(DIMENSION) * random.nextGaussian());
            }
            return vector;
        }

        /** Entries so near a topic; queries near these and at a cosine of 0.7 to the topic. */
        Data copies(int topic, int count, double noise) {
            for (int i = 0; i < count; i++) {
                entries.add(near(topics[topic], noise));
            }
            for (int i = 0; i < QUERIES / 2; i++) {
                queries.add(near(topics[topic], 1));
                queries.add(near(entries.get(entries.size() - 1 - random.nextInt(count)), noise / 2));
            }
            return this;
        }

        Data entry(int topic, double noise) {
            entries.add(near(topics[topic], noise));
            return this;
        }

        Data unrelated(int count) {
            int from = entries.size();
            for (int i = 0; i < count; i++) {
                entries.add(Vectors.normalised(near(new float[DIMENSION], 1)));
            }
            for (int i = 0; i < 4 * QUERIES; i++) {
                queries.add(near(entries.get(from + random.nextInt(count)), 0.7));
            }
            return this;
        }

        List<Integer> order(boolean shuffled) {
            List<Integer> order = new ArrayList<>();
            for (int i = 0; i < entries.size(); i++) {
                order.add(i);
            }
            if (shuffled) {
                Collections.shuffle(order, new Random(6));
            }
            return order;
        }
    }

    @TempDir
    private Path root;

    IndexEngine engine() {
        return new SketchEngine(HnswParameters.DEFAULT, Runnable::run);
    }

    private static VectorSource source(Data data) {
        return (id, number) -> Optional.of(data.entries.get((int) number));
    }

    private VectorIndex filled(Path directory, Data data, boolean shuffled) throws IOException {
        VectorIndex index = engine().open(directory, DIMENSION, source(data)).index();
        for (int number : data.order(shuffled)) {
            index.add("m" + number, number, data.entries.get(number));
        }
        return index;
    }

    private static double recall(VectorIndex index, Data data, IntPredicate isLive) {
        int found = 0;
        int wanted = 0;
        for (float[] query : data.queries) {
            IntFunction<Double> similarity =
                    number -> isLive.test(number) ? Vectors.cosine(query, data.entries.get(number)) : -2.0;
            double[] exact = new double[data.entries.size()];
            for (int number = 0; number < exact.length; number++) {
                exact[number] = similarity.apply(number);
            }
            double[] ordered = exact.clone();
            Arrays.sort(ordered);
            wanted += K;
            for (Hit hit : index.search(SearchRequest.of(query, K, 100))) {
                found += exact[(int) hit.generation()] >= ordered[ordered.length - K] - 1e-5 ? 1 : 0;
            }
        }
        return (double) found / wanted;
    }

    /** What a restart finds, while the index goes on. */
    private VectorIndex restored(VectorIndex index, Path directory, Data data) throws IOException {
        index.commit(new byte[0]);
        Path copy = TestIndexes.copy(directory, root.resolve("restored"));
        return engine().open(copy, DIMENSION, source(data)).index();
    }

    @ParameterizedTest
    @EnumSource(Arrivals.class)
    void shouldFindTheSameWhateverCameFirst(Arrivals arrivals) throws IOException {
        Data data = new Data();
        arrivals.fill(data);
        Path directory = root.resolve("in order");
        try (VectorIndex inOrder = filled(directory, data, false);
                VectorIndex shuffled = filled(root.resolve("shuffled"), data, true)) {
            IntPredicate all = number -> true;
            double control = recall(shuffled, data, all);
            assertThat(control).as("shuffled").isGreaterThan(0.8);
            assertThat(recall(inOrder, data, all)).as("in order").isGreaterThanOrEqualTo(control - TOLERANCE);
            try (VectorIndex restored = restored(inOrder, directory, data)) {
                assertThat(recall(restored, data, all)).as("restored").isGreaterThanOrEqualTo(control - TOLERANCE);
            }
            // Too few of each segment for a rebuild, then enough.
            for (double share : new double[] {0.2, 0.6}) {
                IntPredicate isLive = number -> number >= data.entries.size() * share || number % 10 == 0;
                for (int number = 0; number < data.entries.size(); number++) {
                    if (!isLive.test(number)) {
                        inOrder.remove("m" + number, number);
                        shuffled.remove("m" + number, number);
                    }
                }
                assertThat(recall(inOrder, data, isLive))
                        .as("%s removed", share)
                        .isGreaterThanOrEqualTo(recall(shuffled, data, isLive) - TOLERANCE);
            }
        }
    }
}
