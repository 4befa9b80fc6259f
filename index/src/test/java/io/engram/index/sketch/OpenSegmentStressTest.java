package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One writer, four readers, removals, replacements and commits of one open segment at once. */
class OpenSegmentStressTest {
    private static final int DIMENSION = 24;
    private static final int READERS = 4;
    private static final int CHANGES = 40_000;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final ExecutorService compactor = Executors.newSingleThreadExecutor();
    private final Map<String, float[]> vectors = new ConcurrentHashMap<>();
    private final Map<String, Long> removedAt = new ConcurrentHashMap<>();
    private final AtomicBoolean written = new AtomicBoolean();
    private final VectorSource source =
            (id, generation) -> Optional.ofNullable(vectors.get(id)).map(float[]::clone);
    private final SketchEngine engine = new SketchEngine(HnswParameters.DEFAULT, compactor);

    @TempDir
    private Path root;

    private VectorIndex index;

    @BeforeEach
    void open() throws IOException {
        index = engine.open(directory(), DIMENSION, source).index();
    }

    private Path directory() {
        return root.resolve("index");
    }

    @AfterEach
    void stop() {
        written.set(true);
        threads.shutdownNow();
        compactor.shutdownNow();
        index.close();
    }

    private static float[] vector(Random random) {
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    /** Ids are never used again once removed; so whoever returns one after its removal is wrong. */
    private void write() {
        Random random = new Random(1);
        List<String> live = new ArrayList<>();
        for (int change = 1; change <= CHANGES; change++) {
            int kind = random.nextInt(10);
            if (kind < 3 && live.size() > 2_000) {
                String id = live.set(random.nextInt(live.size()), live.get(live.size() - 1));
                live.remove(live.size() - 1);
                assertThat(index.remove(id, change)).isTrue();
                removedAt.put(id, System.nanoTime());
                vectors.remove(id);
            } else {
                String id = kind < 6 && !live.isEmpty() ? live.get(random.nextInt(live.size())) : "m" + change;
                if (!vectors.containsKey(id)) {
                    live.add(id);
                }
                float[] vector = vector(random);
                vectors.put(id, vector);
                assertThat(index.add(id, change, vector)).isTrue();
            }
        }
    }

    private int read(int seed) {
        Random random = new Random(seed);
        int searches = 0;
        while (!written.get()) {
            long start = System.nanoTime();
            List<Hit> hits = index.search(SearchRequest.of(vector(random), 20, 50));
            Set<String> ids = new HashSet<>();
            for (Hit hit : hits) {
                assertThat(ids.add(hit.id())).as("once: " + hit).isTrue();
                assertThat(removedAt.getOrDefault(hit.id(), Long.MAX_VALUE))
                        .as("removed before the search: " + hit)
                        .isGreaterThan(start);
            }
            searches++;
        }
        return searches;
    }

    private int commitAndOpen() throws Exception {
        int commits = 0;
        while (!written.get()) {
            try (VectorIndex restored = restored("copy " + commits)) {
                assertThat(List.copyOf(restored.ids())).doesNotHaveDuplicates().hasSize(restored.size());
            }
            commits++;
        }
        return commits;
    }

    /** What a restart finds, while the index goes on. */
    private VectorIndex restored(String copy) throws Exception {
        index.commit(new byte[0]);
        return engine.open(TestIndexes.copy(directory(), root.resolve(copy)), DIMENSION, source)
                .index();
    }

    @Test
    void shouldStayWholeWhileEverythingHappensAtOnce() throws Exception {
        Future<?> writer = threads.submit(this::write);
        List<Future<Integer>> others = new ArrayList<>();
        for (int i = 0; i < READERS; i++) {
            int seed = 100 + i;
            others.add(threads.submit(() -> read(seed)));
        }
        others.add(threads.submit(this::commitAndOpen));
        writer.get(120, TimeUnit.SECONDS);
        written.set(true);
        for (Future<Integer> other : others) {
            assertThat(other.get(60, TimeUnit.SECONDS)).isPositive();
        }
        compactor.submit(() -> {}).get(60, TimeUnit.SECONDS); // seals and merges that were due

        assertThat(index.ids()).isEqualTo(vectors.keySet());
        try (VectorIndex restored = restored("last copy")) {
            assertThat(restored.ids()).isEqualTo(index.ids());
            for (Map.Entry<String, float[]> entry : vectors.entrySet()) {
                SearchRequest itself = SearchRequest.of(entry.getValue(), 1, 100);
                assertThat(index.search(itself))
                        .singleElement()
                        .extracting(Hit::id)
                        .isEqualTo(entry.getKey());
                assertThat(restored.search(itself)).isEqualTo(index.search(itself));
            }
        }
    }
}
