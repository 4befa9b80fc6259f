package io.engram.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every engine must do with entries. A new engine's test extends this and names the engine; {@link IndexDirectoryContract} is
 * about its files.
 */
public abstract class VectorIndexContract {
    private static final int DIMENSION = 32;

    private final Map<String, float[]> originals = new ConcurrentHashMap<>();
    private final VectorSource source = (id, generation) -> Optional.ofNullable(originals.get(generation + " " + id));

    @TempDir
    private Path root;

    private IndexEngine engine;
    private VectorIndex index;

    /** The engine under test; asked once a test. */
    protected abstract IndexEngine engine();

    /** False for one that keeps most of them in files. */
    protected boolean keepsEntriesInHeap() {
        return true;
    }

    @BeforeEach
    void openIndex() throws IOException {
        engine = engine();
        index = open("index");
    }

    private VectorIndex open(String directory) throws IOException {
        OpenedIndex opened = engine.open(root.resolve(directory), DIMENSION, source);
        assertThat(opened.damaged()).isEmpty();
        return opened.index();
    }

    @AfterEach
    void closeIndex() {
        index.close();
    }

    /** As a store would have it before the index is told. */
    private boolean add(VectorIndex to, String id, long generation, float[] vector) {
        originals.putIfAbsent(generation + " " + id, vector.clone());
        return to.add(id, generation, vector);
    }

    static float[] random(Random random, int dimension) {
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    private static List<String> ids(List<Hit> hits) {
        return hits.stream().map(Hit::id).toList();
    }

    private List<Hit> nearest(float[] query, int k) {
        return index.search(SearchRequest.of(query, k, 100));
    }

    @Test
    void shouldAnswerEmptyIndexWithNothing() {
        assertThat(index.size()).isZero();
        assertThat(nearest(random(new Random(1), DIMENSION), 5)).isEmpty();
    }

    @Test
    void shouldReportCosineSimilarity() {
        Random random = new Random(2);
        float[] a = random(random, DIMENSION);
        float[] scaled = a.clone();
        float[] opposite = a.clone();
        for (int i = 0; i < DIMENSION; i++) {
            scaled[i] *= 1_000;
            opposite[i] *= -0.001f;
        }
        add(index, "same direction", 1, scaled);
        add(index, "opposite", 2, opposite);

        List<Hit> hits = nearest(a, 2);

        assertThat(ids(hits)).containsExactly("same direction", "opposite");
        assertThat(hits.get(0).similarity()).isCloseTo(1f, within(1e-5f));
        assertThat(hits.get(1).similarity()).isCloseTo(-1f, within(1e-5f));
        assertThat(hits.get(0).generation()).isEqualTo(1);
    }

    @Test
    void shouldFindNeighboursOfBruteForceAcrossGrowth() {
        Random random = new Random(3);
        List<float[]> vectors = new ArrayList<>();
        // Past every engine's first capacity and scan threshold.
        for (int i = 0; i < 9_000; i++) {
            float[] vector = random(random, DIMENSION);
            vectors.add(vector);
            assertThat(add(index, "v" + i, i + 1, vector)).isTrue();
        }
        int found = 0;
        for (int q = 0; q < 100; q++) {
            float[] query = random(random, DIMENSION);
            Set<String> exact = exactNearest(vectors, query, 10);
            for (String id : ids(index.search(SearchRequest.of(query, 10, 200)))) {
                found += exact.contains(id) ? 1 : 0;
            }
        }
        assertThat(found / 1_000.0).as("recall@10").isGreaterThan(0.9);
        assertThat(index.size()).isEqualTo(9_000);
        assertThat(index.memoryBytes()).isGreaterThan(keepsEntriesInHeap() ? 9_000L * DIMENSION : 0);
    }

    private static Set<String> exactNearest(List<float[]> vectors, float[] query, int k) {
        List<Hit> all = new ArrayList<>();
        for (int i = 0; i < vectors.size(); i++) {
            all.add(new Hit("v" + i, 0, Vectors.cosine(query, vectors.get(i))));
        }
        all.sort(Hit.BEST_FIRST);
        Set<String> ids = new HashSet<>();
        all.subList(0, k).forEach(hit -> ids.add(hit.id()));
        return ids;
    }

    @Test
    void shouldFindEveryLiveEntryByItsOwnVectorAndNothingRemoved() {
        Random random = new Random(4);
        Map<String, float[]> live = new ConcurrentHashMap<>();
        long generation = 0;
        for (int step = 0; step < 6_000; step++) {
            String id = "id" + random.nextInt(2_000);
            if (random.nextInt(4) == 0) {
                assertThat(index.remove(id, ++generation)).isEqualTo(live.remove(id) != null);
            } else {
                float[] vector = random(random, DIMENSION);
                assertThat(add(index, id, ++generation, vector)).isTrue();
                live.put(id, vector);
            }
        }
        assertThat(index.size()).isEqualTo(live.size());
        live.forEach((id, vector) -> {
            Hit best = nearest(vector, 1).get(0);
            assertThat(best.id()).isEqualTo(id);
            assertThat(best.similarity()).isCloseTo(1f, within(1e-4f));
        });
        assertThat(live.keySet()).containsAll(ids(index.search(SearchRequest.of(random(random, DIMENSION), 500, 500))));
    }

    @Test
    void shouldTellNearDirectionsApart() {
        for (int i = 1; i <= 40; i++) {
            add(index, "slope " + i, i, slope(i));
        }
        for (int i = 1; i <= 40; i++) {
            assertThat(ids(nearest(slope(i), 1))).containsExactly("slope " + i);
        }
    }

    private static float[] slope(int run) {
        float[] vector = new float[DIMENSION];
        vector[0] = run;
        vector[1] = -1;
        return vector;
    }

    @Test
    void shouldIgnoreOlderGenerations() {
        float[] oldVector = random(new Random(5), DIMENSION);
        float[] newVector = random(new Random(6), DIMENSION);
        add(index, "a", 10, newVector);

        assertThat(add(index, "a", 9, oldVector)).isFalse();
        assertThat(add(index, "a", 10, oldVector)).isFalse();
        assertThat(index.remove("a", 9)).isFalse();

        assertThat(nearest(newVector, 1).get(0).similarity()).isCloseTo(1f, within(1e-5f));
        assertThat(nearest(newVector, 1).get(0).generation()).isEqualTo(10);
        assertThat(index.size()).isEqualTo(1);
        assertThat(index.remove("a", 10)).isTrue();
        assertThat(index.size()).isZero();
    }

    @Test
    void shouldHonourFilterAndMaxGeneration() {
        Random random = new Random(7);
        for (int i = 0; i < 3_000; i++) {
            add(index, "v" + i, i + 1, random(random, DIMENSION));
        }
        float[] query = random(random, DIMENSION);
        EntryFilter everyHundredth = id -> Integer.parseInt(id.substring(1)) % 100 == 0;

        List<Hit> filtered = index.search(new SearchRequest(query, 20, 50, everyHundredth, Long.MAX_VALUE));
        List<Hit> early = index.search(new SearchRequest(query, 20, 50, EntryFilter.ALL, 25));
        List<Hit> none = index.search(new SearchRequest(query, 20, 50, id -> false, Long.MAX_VALUE));

        assertThat(ids(filtered)).hasSize(20).allMatch(everyHundredth::admits).doesNotHaveDuplicates();
        assertThat(early).hasSize(20).allMatch(hit -> hit.generation() <= 25);
        assertThat(none).isEmpty();
    }

    @Test
    void shouldEndASearchThatIsOverWithoutAskingTheFilterOfAllEntries() {
        Random random = new Random(7);
        for (int i = 0; i < 6_000; i++) {
            add(index, "v" + i, i + 1, random(random, DIMENSION));
        }
        AtomicInteger asked = new AtomicInteger();
        EntryFilter nothing = id -> {
            asked.incrementAndGet();
            return false;
        };

        List<Hit> hits = index.search(new SearchRequest(
                random(random, DIMENSION),
                10,
                50,
                nothing,
                Long.MAX_VALUE,
                Optional.empty(),
                () -> asked.get() >= 100));

        assertThat(hits).isEmpty();
        assertThat(asked.get()).isBetween(100, 3_000);
    }

    @Test
    void shouldOfferWhatWasFoundWhenASearchIsOver() {
        Random random = new Random(7);
        for (int i = 0; i < 6_000; i++) {
            add(index, "v" + i, i + 1, random(random, DIMENSION));
        }
        AtomicInteger asked = new AtomicInteger();
        EntryFilter few = id -> {
            asked.incrementAndGet();
            return id.endsWith("7");
        };

        List<Hit> hits = index.search(new SearchRequest(
                random(random, DIMENSION), 1_000, 50, few, Long.MAX_VALUE, Optional.empty(), () -> asked.get() >= 500));

        assertThat(hits).isNotEmpty().allMatch(hit -> hit.id().endsWith("7"));
    }

    @Test
    void shouldOrderBestFirstAndBoundByK() {
        Random random = new Random(8);
        for (int i = 0; i < 2_000; i++) {
            add(index, "v" + i, i + 1, random(random, DIMENSION));
        }
        List<Hit> hits = nearest(random(random, DIMENSION), 37);

        assertThat(hits).hasSize(37).isSortedAccordingTo(Hit.BEST_FIRST);
        assertThat(nearest(random(random, DIMENSION), 5_000).size()).isLessThanOrEqualTo(2_000);
    }

    @Test
    void shouldKeepManyEqualVectors() {
        float[] vector = random(new Random(9), DIMENSION);
        for (int i = 0; i < 1_500; i++) {
            add(index, "v" + i, i + 1, vector);
        }
        assertThat(nearest(vector, 10)).hasSize(10).allMatch(hit -> hit.similarity() > 0.9999f);
        assertThat(index.size()).isEqualTo(1_500);
    }

    /** Lengths from the least that floats have to the greatest: a direction is a direction. */
    @ParameterizedTest
    @ValueSource(floats = {1e-43f, 1e-38f, 1e-30f, 1e-20f, 1e-10f, 1f, 1e10f, 1e19f, 1e30f, 1e38f})
    void shouldCompareVectorsOfAnyLength(float length) {
        Random random = new Random(11);
        Map<String, float[]> vectors = new HashMap<>();
        for (int i = 0; i < 1_500; i++) {
            float[] vector = scaled(random(random, DIMENSION), i % 3 == 0 ? length : 1);
            vectors.put("v" + i, vector);
            assertThat(add(index, "v" + i, i + 1, vector)).isTrue();
        }
        for (int i = 0; i < 60; i++) {
            float[] query =
                    scaled(vectors.get("v" + i), i % 2 == 0 ? 1 : length).clone();
            if (isZero(query)) {
                continue;
            }
            Hit best = nearest(query, 1).get(0);
            float[] found = vectors.get(best.id());
            assertThat(best.similarity()).isCloseTo(Vectors.cosine(query, found), within(1e-5f));
            assertThat(best.similarity()).isGreaterThan(Vectors.cosine(query, vectors.get("v" + i)) - 1e-5f);
            assertThat(index.holds("v" + i, i + 1, vectors.get("v" + i))).isTrue();
        }
    }

    private static boolean isZero(float[] vector) {
        for (float component : vector) {
            if (component != 0) {
                return false;
            }
        }
        return true;
    }

    /** By the greatest component, so that no other becomes infinite. */
    private static float[] scaled(float[] vector, float greatest) {
        double most = 0;
        for (float component : vector) {
            most = Math.max(most, Math.abs(component));
        }
        float[] scaled = new float[vector.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = (float) (vector[i] / most * greatest);
        }
        return scaled;
    }

    @Test
    void shouldCompareTheLeastAndTheGreatestVector() {
        float[] greatest = new float[DIMENSION];
        float[] least = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            greatest[i] = i % 2 == 0 ? Float.MAX_VALUE : -Float.MAX_VALUE;
            least[i] = i % 3 == 0 ? Float.MIN_VALUE : 0;
        }
        add(index, "greatest", 1, greatest);
        add(index, "least", 2, least);

        assertThat(nearest(greatest, 1).get(0).id()).isEqualTo("greatest");
        assertThat(nearest(greatest, 1).get(0).similarity()).isCloseTo(1f, within(1e-5f));
        assertThat(nearest(least, 1).get(0).id()).isEqualTo("least");
        assertThat(nearest(least, 1).get(0).similarity()).isCloseTo(1f, within(1e-5f));
        assertThat(nearest(least, 2).get(1).similarity()).isCloseTo(Vectors.cosine(least, greatest), within(1e-5f));
    }

    @Test
    void shouldRefuseBadVectors() {
        float[] notFinite = random(new Random(10), DIMENSION);
        notFinite[3] = Float.NaN;
        assertThatThrownBy(() -> add(index, "a", 1, new float[DIMENSION])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> add(index, "a", 1, notFinite)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> add(index, "a", 1, new float[] {1, 2}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 dimensions, expected 32");
        assertThatThrownBy(() -> nearest(new float[] {1}, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThat(index.size()).isZero();
    }

    @Test
    void shouldStayRightUnderConcurrentChangesAndSearches() throws Exception {
        int writers = 2;
        int idsPerWriter = 1_200;
        Map<String, float[]> live = new ConcurrentHashMap<>();
        AtomicBoolean done = new AtomicBoolean();
        ExecutorService threads = Executors.newFixedThreadPool(writers + 2);
        List<Future<?>> writing = new ArrayList<>();
        for (int w = 0; w < writers; w++) {
            int writer = w;
            writing.add(threads.submit(() -> churn(new Random(100 + writer), writer, idsPerWriter, live)));
        }
        List<Future<Integer>> reading = new ArrayList<>();
        for (int r = 0; r < 2; r++) {
            Random random = new Random(200 + r);
            reading.add(threads.submit(() -> {
                int searches = 0;
                while (!done.get()) {
                    List<Hit> hits = nearest(random(random, DIMENSION), 10);
                    assertThat(ids(hits)).doesNotHaveDuplicates();
                    assertThat(hits).isSortedAccordingTo(Hit.BEST_FIRST);
                    searches++;
                }
                return searches;
            }));
        }
        for (Future<?> future : writing) {
            future.get(120, TimeUnit.SECONDS);
        }
        done.set(true);
        for (Future<Integer> future : reading) {
            assertThat(future.get(60, TimeUnit.SECONDS)).isPositive();
        }
        threads.shutdown();
        assertThat(index.size()).isEqualTo(live.size());
        int found = 0;
        for (Map.Entry<String, float[]> entry : live.entrySet()) {
            List<Hit> hits = index.search(SearchRequest.of(entry.getValue(), 1, 200));
            found += hits.get(0).id().equals(entry.getKey()) ? 1 : 0;
        }
        // A graph that was changed from two sides at once may leave the odd node hard to reach.
        assertThat(found).isGreaterThanOrEqualTo((int) (live.size() * 0.995));
    }

    private void churn(Random random, int writer, int idCount, Map<String, float[]> live) {
        for (int generation = 1; generation <= 5_000; generation++) {
            String id = writer + "-" + random.nextInt(idCount);
            if (random.nextInt(5) == 0) {
                index.remove(id, generation);
                live.remove(id);
            } else {
                float[] vector = random(random, DIMENSION);
                add(index, id, generation, vector);
                live.put(id, vector);
            }
        }
    }

    @Test
    void shouldAnswerIdenticallyWhenOpenedAgain() throws IOException {
        for (int size : new int[] {0, 3, 900, 3_000}) {
            Random random = new Random(size);
            Set<String> ids;
            Map<SearchRequest, List<Hit>> answers = new HashMap<>();
            try (VectorIndex original = open("of " + size)) {
                for (int i = 0; i < size; i++) {
                    add(original, "id" + i, i + 1, random(random, DIMENSION));
                }
                for (int i = 0; i < size; i += 5) {
                    original.remove("id" + i, i + 1);
                }
                ids = Set.copyOf(original.ids());
                for (int i = 0; i < 20; i++) {
                    SearchRequest query = SearchRequest.of(random(random, DIMENSION), 10, 100);
                    answers.put(query, original.search(query));
                }
                original.commit(new byte[0]);
            }
            try (VectorIndex again = open("of " + size)) {
                assertThat(again.dimension()).isEqualTo(DIMENSION);
                assertThat(again.size()).isEqualTo(ids.size());
                assertThat(again.ids()).isEqualTo(ids);
                answers.forEach((query, hits) -> assertThat(again.search(query)).isEqualTo(hits));
            }
        }
    }

    @Test
    void shouldGoOnWhenOpenedAgain() throws IOException {
        Random random = new Random(5);
        Map<String, float[]> vectors = new HashMap<>();
        for (int i = 0; i < 2_500; i++) {
            vectors.put("id" + i, random(random, DIMENSION));
            add(index, "id" + i, 1, vectors.get("id" + i));
        }
        index.commit(new byte[0]);
        index.close();
        try (VectorIndex restored = open("index")) {
            for (int i = 2_000; i < 5_000; i++) {
                vectors.put("id" + i, random(random, DIMENSION));
                assertThat(add(restored, "id" + i, 2, vectors.get("id" + i))).isTrue();
            }
            assertThat(restored.remove("id7", 2)).isTrue();
            assertThat(add(restored, "id8", 1, vectors.get("id9"))).isFalse();
            vectors.remove("id7");
            assertThat(restored.size()).isEqualTo(4_999);
            int found = 0;
            for (Map.Entry<String, float[]> vector : vectors.entrySet()) {
                List<Hit> hits = restored.search(SearchRequest.of(vector.getValue(), 1, 100));
                found += hits.get(0).id().equals(vector.getKey()) ? 1 : 0;
            }
            assertThat(found).isGreaterThanOrEqualTo(4_950);
        }
    }

    @Test
    void shouldKnowWhatItHolds() {
        float[] vector = random(new Random(6), DIMENSION);
        float[] other = random(new Random(7), DIMENSION);
        add(index, "a", 3, vector);

        assertThat(index.holds("a", 3, vector.clone())).isTrue();
        assertThat(index.holds("a", 2, vector)).isFalse();
        assertThat(index.holds("a", 3, other)).isFalse();
        assertThat(index.holds("b", 3, vector)).isFalse();
        assertThat(index.generation("a")).hasValue(3);
        assertThat(index.generation("b")).isEmpty();
        add(index, "a", 4, other);
        assertThat(index.generation("a")).hasValue(4);
        index.remove("a", 4);
        assertThat(index.holds("a", 4, other)).isFalse();
        assertThat(index.generation("a")).isEmpty();
    }

    /** A commit has what had returned before it began, whatever else goes on. */
    @Test
    void shouldCommitWhileItChanges() throws Exception {
        int ids = 2_000;
        ExecutorService executor = Executors.newSingleThreadExecutor();
        AtomicLong changes = new AtomicLong();
        try {
            for (int round = 0; round < 4; round++) {
                AtomicBoolean stop = new AtomicBoolean();
                long first = changes.get() + 1;
                VectorIndex changing = index;
                Future<?> writer = executor.submit(() -> change(changing, first, ids, stop, changes));
                long done = 0;
                while (done < first + 1_200) {
                    assertThat(writer.isDone()).isFalse();
                    done = changes.get();
                    index.commit(new byte[] {(byte) round});
                }
                stop.set(true);
                writer.get(30, TimeUnit.SECONDS);
                changes.set(done); // what came later is lost, and done again
                index.close();
                index = open("index");
                assertHoldsChangesUpTo(done, ids);
            }
        } finally {
            executor.shutdownNow();
        }
    }

    private void change(VectorIndex changing, long first, int ids, AtomicBoolean stop, AtomicLong changes) {
        Random random = new Random(first);
        for (long generation = first; !stop.get(); generation++) {
            add(changing, "id" + generation % ids, generation, random(random, DIMENSION));
            if (generation % 10 == 0) {
                add(changing, "brief" + generation, generation, random(random, DIMENSION));
                assertThat(changing.remove("brief" + generation, generation)).isTrue();
            }
            changes.set(generation);
        }
    }

    private void assertHoldsChangesUpTo(long done, int ids) {
        assertThat(index.ids()).hasSize(index.size());
        for (long generation = Math.max(1, done - ids + 1); generation <= done; generation++) {
            assertThat(index.generation("id" + generation % ids).orElseThrow()).isGreaterThanOrEqualTo(generation);
        }
        for (long generation = 10; generation <= done; generation += 10) {
            assertThat(index.generation("brief" + generation)).isEmpty();
        }
        List<Hit> hits = index.search(SearchRequest.of(random(new Random(done), DIMENSION), 50, 100));
        assertThat(hits).hasSize(50);
        assertThat(index.ids()).containsAll(ids(hits));
    }
}
