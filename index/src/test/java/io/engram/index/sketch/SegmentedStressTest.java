package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.Hit;
import io.engram.index.SearchRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two writers, readers, commits, seals, merges and directories copied as a crash leaves them, at once. */
class SegmentedStressTest {
    private static final int WRITERS = 2;
    private static final int READERS = 2;
    private static final int CHANGES = 15_000;

    @TempDir
    private Path root;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final ExecutorService background = Executors.newSingleThreadExecutor();
    private final Map<String, Long> removedAt = new ConcurrentHashMap<>();
    private final AtomicBoolean written = new AtomicBoolean();

    @AfterEach
    void stop() {
        written.set(true);
        threads.shutdownNow();
        background.shutdownNow();
    }

    /** Ids are never used again once removed. Returns the generation of each id that is left. */
    private Map<String, Long> write(SegmentedIndex index, int writer) {
        Random random = new Random(writer);
        Map<String, Long> live = new HashMap<>();
        List<String> ids = new ArrayList<>();
        for (long change = 1; change <= CHANGES; change++) {
            int kind = random.nextInt(10);
            if (kind < 3 && ids.size() > 500) {
                String id = ids.set(random.nextInt(ids.size()), ids.get(ids.size() - 1));
                ids.remove(ids.size() - 1);
                live.remove(id);
                assertThat(index.remove(id, change)).isTrue();
                removedAt.put(id, System.nanoTime());
            } else {
                boolean isNew = kind < 6 || ids.isEmpty();
                String id = isNew ? writer + "-" + change : ids.get(random.nextInt(ids.size()));
                if (isNew) {
                    ids.add(id);
                }
                live.put(id, change);
                assertThat(index.add(id, change, vector(id, change))).isTrue();
            }
        }
        return live;
    }

    private static float[] vector(String id, long generation) {
        return TestIndexes.vector(31L * id.hashCode() + generation);
    }

    private int read(SegmentedIndex index, int seed) {
        Random random = new Random(seed);
        int searches = 0;
        while (!written.get()) {
            long start = System.nanoTime();
            Set<String> ids = new HashSet<>();
            for (Hit hit : index.search(SearchRequest.of(TestIndexes.vector(random.nextLong()), 20, 50))) {
                assertThat(ids.add(hit.id())).as("once: " + hit).isTrue();
                assertThat(removedAt.getOrDefault(hit.id(), Long.MAX_VALUE))
                        .as("removed before the search: " + hit)
                        .isGreaterThan(start);
            }
            searches++;
        }
        return searches;
    }

    /** What is committed opens, with each id once. */
    private int commit(SegmentedIndex index, Path directory) throws IOException {
        int commits = 0;
        while (!written.get()) {
            index.commit(new byte[] {(byte) commits});
            Path copy = TestIndexes.copy(directory, root.resolve("copy-" + commits));
            SegmentedIndex.Opened opened = TestIndexes.open(copy);
            try (SegmentedIndex restored = opened.index()) {
                assertThat(opened.damaged()).isEmpty();
                assertThat(opened.userData()).contains(new byte[] {(byte) commits});
                List<String> ids = new ArrayList<>(restored.ids());
                assertThat(ids).doesNotHaveDuplicates().hasSize(restored.size());
            }
            if (++commits % 5 == 0) {
                index.seal();
            }
        }
        return commits;
    }

    @Test
    void shouldStayWholeWhileEverythingHappensAtOnce() throws Exception {
        Path directory = root.resolve("index");
        SegmentedIndex.Settings settings = TestIndexes.settings(1_300, IndexDirectory.Steps.NONE);
        Map<String, Long> live = new HashMap<>();
        try (SegmentedIndex index =
                TestIndexes.open(directory, settings, background).index()) {
            List<Future<Map<String, Long>>> writers = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                int writer = i;
                writers.add(threads.submit(() -> write(index, writer)));
            }
            List<Future<Integer>> others = new ArrayList<>();
            for (int i = 0; i < READERS; i++) {
                int seed = 100 + i;
                others.add(threads.submit(() -> read(index, seed)));
            }
            others.add(threads.submit(() -> commit(index, directory)));
            for (Future<Map<String, Long>> writer : writers) {
                live.putAll(writer.get(120, TimeUnit.SECONDS));
            }
            written.set(true);
            for (Future<Integer> other : others) {
                assertThat(other.get(60, TimeUnit.SECONDS)).isPositive();
            }
            background.submit(() -> {}).get(60, TimeUnit.SECONDS);
            assertThat(index.failure()).isEmpty();
            assertHolds(index, live);
            index.seal();
            index.commit(new byte[0]);
        }
        SegmentedIndex.Opened opened = TestIndexes.open(directory, settings, Runnable::run);
        try (SegmentedIndex index = opened.index()) {
            assertThat(opened.damaged()).isEmpty();
            assertThat(index.verify()).isEmpty();
            index.warm();
            assertHolds(index, live);
        }
    }

    private static void assertHolds(SegmentedIndex index, Map<String, Long> live) {
        assertThat(index.size()).isEqualTo(live.size());
        assertThat(index.ids()).isEqualTo(live.keySet());
        int found = 0;
        for (Map.Entry<String, Long> entry : live.entrySet()) {
            float[] vector = vector(entry.getKey(), entry.getValue());
            assertThat(index.holds(entry.getKey(), entry.getValue(), vector)).isTrue();
            found += index.search(SearchRequest.of(vector, 1, 100)).get(0).id().equals(entry.getKey()) ? 1 : 0;
        }
        assertThat(found).isGreaterThanOrEqualTo(live.size() * 995 / 1_000);
    }
}
