package io.engram.topology.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.schemas.Lane;
import io.engram.topology.TestEngines;
import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.admission.DrainRate;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.follow.ChangeJournal;
import io.engram.topology.follow.IndexFiles;
import io.engram.topology.follow.InterceptedEngine;
import io.engram.topology.follow.PartitionIndex;
import io.engram.topology.follow.SpaceIndex;
import io.engram.topology.follow.StoredValues;
import io.engram.topology.format.JournalPosition;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.MetricNames;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.OffsetTracker;
import io.engram.topology.supervision.Supervisor;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IndexWorkersTest {
    private static final String SPACE = "space-1";

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final EngramMetrics metrics = new EngramMetrics(registry, 100);
    private final Map<String, StoredValues.StoredEmbedding> stored = new ConcurrentHashMap<>();
    private final LaneProgress lane =
            new LaneProgress(Lane.NORMAL, new OffsetTracker(), new PartitionDepth(), new DrainRate(), -1);
    private Optional<IndexWorkers> workers = Optional.empty();
    private long offset;

    @TempDir
    Path directory;

    /** Of a store that commits nothing. */
    private static final class EmptyJournal implements ChangeJournal {
        private final UUID identity = UUID.randomUUID();

        @Override
        public UUID identity() {
            return identity;
        }

        @Override
        public JournalPosition committed() {
            return new JournalPosition(1, 0);
        }

        @Override
        public long flushed() {
            return 0;
        }

        @Override
        public JournalPosition survived() {
            return JournalPosition.START;
        }

        @Override
        public void trimTo(JournalPosition position) {}
    }

    @AfterEach
    void stop() {
        workers.ifPresent(IndexWorkers::close);
    }

    private IndexWorkers start(IndexingConfig config) {
        workers = Optional.of(new IndexWorkers(
                config, metrics, () -> BackpressureLevel.NORMAL, () -> Long.MAX_VALUE, new Supervisor()));
        return workers.get();
    }

    private PartitionIndex partition(IndexWorkers pool, int partition, IndexEngine engine) {
        StoredValues values = (space, id) -> Optional.ofNullable(stored.get(id));
        PartitionIndex index = new PartitionIndex(
                "0_" + partition,
                partition,
                new IndexFiles(directory.resolve("0_" + partition)),
                new EmptyJournal(),
                pool,
                engine,
                metrics,
                values,
                System::currentTimeMillis);
        index.large(SPACE, 1, 2);
        for (SpaceIndex space : index.spaces()) {
            try {
                index.open(space);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        index.allOpened();
        return index;
    }

    private void submit(PartitionIndex partition, String id, float... embedding) {
        long generation = ++offset;
        stored.put(id, new StoredValues.StoredEmbedding(generation, embedding));
        partition.submit(
                SPACE, new Change(id, generation, embedding, offset, System.currentTimeMillis(), offset), lane);
    }

    private void forget(PartitionIndex partition, String id) {
        long generation = ++offset;
        stored.remove(id);
        partition.submit(
                SPACE, new Change(id, generation, new float[0], offset, System.currentTimeMillis(), offset), lane);
    }

    private void awaitDone() {
        await().atMost(Duration.ofSeconds(60))
                .until(() -> lane.offsets().watermark().orElse(-1) == offset);
    }

    private double counter(String name, String label, String value) {
        String base = name.substring(0, name.length() - "_total".length());
        return registry.scrape().stream()
                .filter(snapshot -> snapshot.getMetadata().getName().equals(base))
                .flatMap(snapshot -> ((CounterSnapshot) snapshot).getDataPoints().stream())
                .filter(point -> value.equals(point.getLabels().get(label)))
                .mapToDouble(CounterSnapshot.CounterDataPointSnapshot::getValue)
                .sum();
    }

    private static float[] random(Random random, int dimension) {
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    @Test
    void shouldStealFromHotWorkerAndKeepOrderPerId() {
        IndexWorkers pool = start(new IndexingConfig(
                3, List.of(10, 100, 500, 1_000), List.of(100, 1_000, 10_000), 50, 100, 0, 100, 100, 1L << 40, 0));
        PartitionIndex hot = partition(pool, 0, TestEngines.create());
        Random random = new Random(1);
        Map<String, float[]> expected = new ConcurrentHashMap<>();
        for (int i = 0; i < 20_000; i++) {
            String id = "id" + random.nextInt(3_000);
            if (random.nextInt(5) == 0) {
                forget(hot, id);
                expected.remove(id);
            } else {
                float[] vector = random(random, 16);
                submit(hot, id, vector);
                expected.put(id, vector);
            }
        }
        awaitDone();

        double stolen =
                counter(MetricNames.WORK_STOLEN, "worker_id", "1") + counter(MetricNames.WORK_STOLEN, "worker_id", "2");
        assertThat(stolen).isPositive();
        assertThat(counter(MetricNames.WORK_STOLEN, "worker_id", "0")).isZero();
        assertThat(counter(MetricNames.BATCHES_PROCESSED, "worker_id", "1")
                        + counter(MetricNames.BATCHES_PROCESSED, "worker_id", "2"))
                .isEqualTo(stolen);
        VectorIndex index = hot.find(SPACE).orElseThrow().vectors().orElseThrow();
        assertThat(index.size()).isEqualTo(expected.size());
        int found = 0;
        for (Map.Entry<String, float[]> entry : expected.entrySet()) {
            found += index.search(SearchRequest.of(entry.getValue(), 1, 200))
                                    .get(0)
                                    .similarity()
                            > 0.9999f
                    ? 1
                    : 0;
        }
        assertThat(found).isGreaterThanOrEqualTo((int) (expected.size() * 0.995));
        assertThat(lane.depth().pending()).isZero();
    }

    @Test
    void shouldDrainByDeadline() throws InterruptedException {
        IndexWorkers pool = start(IndexingConfig.DEFAULT.withWorkers(1));
        CountDownLatch gate = new CountDownLatch(1);
        List<String> order = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch blocked = new CountDownLatch(1);
        PartitionIndex partition = partition(pool, 0, new InterceptedEngine(TestEngines.create(), (id, vector) -> {
            if (id.equals("blocker")) {
                blocked.countDown();
                awaitQuietly(gate);
            }
            order.add(id);
        }));
        submitDue(partition, "blocker", 0);
        blocked.await();
        submitDue(partition, "low", 600_000);
        submitDue(partition, "normal", 60_000);
        submitDue(partition, "high", 0);
        submitDue(partition, "high-2", 0);
        gate.countDown();
        awaitDone();

        assertThat(order).containsExactly("blocker", "high", "high-2", "normal", "low");
    }

    private void submitDue(PartitionIndex partition, String id, long deadlineMs) {
        long generation = ++offset;
        float[] embedding = {1, generation};
        stored.put(id, new StoredValues.StoredEmbedding(generation, embedding));
        partition.submit(SPACE, new Change(id, generation, embedding, deadlineMs, 0, offset), lane);
    }

    @Test
    void shouldKeepWhatFailsScanItAndRepairIt() {
        IndexWorkers pool = start(new IndexingConfig(
                1,
                List.of(10, 100, 500, 1_000),
                List.of(100, 1_000, 10_000),
                1_000,
                50,
                1 << 20,
                100,
                100,
                1L << 40,
                0));
        AtomicBoolean broken = new AtomicBoolean(true);
        PartitionIndex partition = partition(pool, 0, new InterceptedEngine(TestEngines.create(), (id, vector) -> {
            if (id.equals("bad") && broken.get()) {
                throw new IllegalStateException("forced failure");
            }
        }));
        for (int i = 0; i < 50; i++) {
            submit(partition, i == 25 ? "bad" : "good" + i, 1, i);
        }
        awaitDone();
        SpaceIndex space = partition.find(SPACE).orElseThrow();

        assertThat(space.failedIds()).containsExactly("bad");
        assertThat(space.size()).isEqualTo(50);
        assertThat(counter(MetricNames.BATCH_FAILURES, "error_type", "insert")).isGreaterThanOrEqualTo(2);
        assertThat(counter(MetricNames.OBSERVATIONS, "memory_space", SPACE)).isEqualTo(49);

        broken.set(false);
        await().atMost(Duration.ofSeconds(20)).until(() -> space.failedIds().isEmpty());
        assertThat(space.size()).isEqualTo(50);
        assertThat(counter(MetricNames.OBSERVATIONS, "memory_space", SPACE)).isEqualTo(50);
        assertThat(space.vectors()
                        .orElseThrow()
                        .search(SearchRequest.of(new float[] {1, 25}, 1, 100))
                        .get(0)
                        .id())
                .isEqualTo("bad");
    }

    @Test
    void shouldKeepMemoryThatLoaderAndLaneBringTogether() {
        IndexWorkers pool = start(IndexingConfig.DEFAULT.withWorkers(2));
        PartitionIndex partition = partition(pool, 0, TestEngines.create());
        partition.loaded();
        for (int i = 0; i < 2_000; i++) {
            String id = "id" + i;
            float[] embedding = {1, i};
            stored.put(id, new StoredValues.StoredEmbedding(offset + 1, embedding));
            partition.sync(SPACE, id, offset + 1);
            submit(partition, id, embedding);
            partition.sync(SPACE, id, offset);
        }
        awaitDone();
        await().atMost(Duration.ofSeconds(20)).until(partition::isCaughtUp);

        assertThat(partition.find(SPACE).orElseThrow().size()).isEqualTo(2_000);
    }

    @Test
    void shouldOutliveErrorsAndKeepWhatTheyHit() {
        IndexWorkers pool = start(new IndexingConfig(
                1,
                List.of(10, 100, 500, 1_000),
                List.of(100, 1_000, 10_000),
                1_000,
                50,
                1 << 20,
                100,
                100,
                1L << 40,
                0));
        AtomicBoolean broken = new AtomicBoolean(true);
        PartitionIndex partition = partition(pool, 0, new InterceptedEngine(TestEngines.create(), (id, vector) -> {
            if (broken.get()) {
                throw new OutOfMemoryError("forced");
            }
        }));
        for (int i = 0; i < 20; i++) {
            submit(partition, "id" + i, 1, i);
        }
        awaitDone();
        assertThat(partition.find(SPACE).orElseThrow().failedIds()).hasSize(20);
        assertThat(lane.depth().pending()).isZero();

        broken.set(false);
        await().atMost(Duration.ofSeconds(20))
                .until(() -> partition.find(SPACE).orElseThrow().failedIds().isEmpty());
        assertThat(partition.find(SPACE).orElseThrow().vectors().orElseThrow().size())
                .isEqualTo(20);
    }

    @Test
    void shouldLoadOnePartitionWhileAnotherIsBusy() throws InterruptedException {
        IndexWorkers pool = start(new IndexingConfig(
                1,
                List.of(10, 100, 500, 1_000),
                List.of(100, 1_000, 10_000),
                1_000,
                5_000,
                1 << 20,
                1,
                50,
                1L << 40,
                0));
        PartitionIndex busy = partition(pool, 0, TestEngines.create());
        PartitionIndex loading = partition(pool, 1, TestEngines.create());
        AtomicBoolean done = new AtomicBoolean();
        Thread load = new Thread(() -> {
            while (!done.get()) {
                if (lane.depth().pending() < 500) {
                    submitDue(busy, "busy" + offset % 100, System.currentTimeMillis());
                }
            }
        });
        load.start();
        for (int i = 0; i < 200; i++) {
            float[] embedding = {1, i};
            stored.put("loaded" + i, new StoredValues.StoredEmbedding(1, embedding));
            loading.sync(SPACE, "loaded" + i, 1);
        }
        loading.loaded();
        await().atMost(Duration.ofSeconds(30)).until(loading::isCaughtUp);
        done.set(true);
        load.join();
        assertThat(loading.find(SPACE).orElseThrow().size()).isEqualTo(200);
    }

    @Test
    void shouldTakeLargerBatchesFromLongerQueues() {
        IndexWorkers pool = start(IndexingConfig.DEFAULT.withWorkers(1));

        assertThat(List.of(0, 99, 100, 999, 1_000, 9_999, 10_000, 100_000))
                .extracting(pool::batchLimit)
                .containsExactly(10, 10, 100, 100, 500, 500, 1_000, 1_000);
    }

    @Test
    void shouldReportUtilizationOfAKnownLoad() {
        long[] now = {0};
        Utilization utilization = new Utilization(() -> now[0]);
        for (int i = 0; i < 2_000; i++) {
            utilization.busy();
            now[0] += 3_000_000;
            utilization.idle();
            now[0] += 7_000_000;
        }
        assertThat(utilization.percent()).isBetween(29.0, 31.0);
        now[0] += 5_000_000_000L;
        assertThat(utilization.percent()).isBetween(13.0, 18.0);
        now[0] += 20_000_000_000L;
        assertThat(utilization.percent()).isZero();
        utilization.busy();
        now[0] += 30_000_000_000L;
        assertThat(utilization.percent()).isEqualTo(100);
    }

    @Test
    void shouldCountWhatWaitsAndPublishBatchSizes() throws InterruptedException {
        IndexWorkers pool = start(IndexingConfig.DEFAULT.withWorkers(1));
        CountDownLatch gate = new CountDownLatch(1);
        CountDownLatch blocked = new CountDownLatch(1);
        PartitionIndex partition = partition(pool, 0, new InterceptedEngine(TestEngines.create(), (id, vector) -> {
            blocked.countDown();
            awaitQuietly(gate);
        }));
        submit(partition, "first", 1, 0);
        blocked.await();
        for (int i = 0; i < 250; i++) {
            submit(partition, "id" + i, 1, i);
        }
        assertThat(lane.depth().pending()).isEqualTo(251);
        double bytes = registry.scrape().stream()
                .filter(snapshot -> snapshot.getMetadata().getName().equals(MetricNames.QUEUE_MEMORY))
                .mapToDouble(snapshot ->
                        ((GaugeSnapshot) snapshot).getDataPoints().get(0).getValue())
                .sum();
        assertThat(bytes).isBetween(251.0 * 80, 251.0 * 130);
        gate.countDown();
        awaitDone();

        HistogramSnapshot sizes = registry.scrape().stream()
                .filter(snapshot -> snapshot.getMetadata().getName().equals(MetricNames.BATCH_SIZE))
                .map(HistogramSnapshot.class::cast)
                .findFirst()
                .orElseThrow();
        assertThat(sizes.getDataPoints().get(0).getSum()).isEqualTo(251);
        assertThat(sizes.getDataPoints().get(0).getCount()).isLessThan(40);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
