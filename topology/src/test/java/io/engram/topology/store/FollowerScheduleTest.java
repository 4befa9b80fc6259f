package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.VectorIndex;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.topology.TestEngines;
import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.admission.DrainRate;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.follow.FollowerCommit;
import io.engram.topology.follow.IndexFiles;
import io.engram.topology.follow.IndexLoader;
import io.engram.topology.follow.PartitionIndex;
import io.engram.topology.follow.SnapshotConfig;
import io.engram.topology.follow.Snapshots;
import io.engram.topology.follow.SpaceIndex;
import io.engram.topology.format.JournalPosition;
import io.engram.topology.format.LargeMark;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.OffsetTracker;
import io.engram.topology.supervision.Supervisor;
import io.engram.topology.workers.Change;
import io.engram.topology.workers.IndexWorkers;
import io.engram.topology.workers.IndexingConfig;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Store and index after random schedules of changes, commits, aborts, flushes, saves, kills and restarts: kills before the first
 * flush, between commit and flush, in the middle of a restore, after an abort. After each opening, and at the end, the index has
 * exactly what is stored. {@code -Dengram.schedules=10000} for the long form.
 */
class FollowerScheduleTest {
    private static final int SCHEDULES = Integer.getInteger("engram.schedules", 150);
    private static final String SPACE = "notes";
    private static final int IDS = 9;
    private static final int DIMENSION = 4;

    @TempDir
    Path directory;

    /** A process: what is gone when it is killed. */
    private final class Life {
        final EngramMetrics metrics = new EngramMetrics(new PrometheusRegistry(), 10);
        final Supervisor supervisor = new Supervisor();
        final IndexEngine engine = TestEngines.create();
        final IndexWorkers workers = new IndexWorkers(
                IndexingConfig.DEFAULT, metrics, () -> BackpressureLevel.NORMAL, () -> Long.MAX_VALUE, supervisor);
        final Snapshots snapshots = new Snapshots(
                new SnapshotConfig(Optional.empty(), TimeUnit.DAYS.toMillis(1), Long.MAX_VALUE),
                Long.MAX_VALUE,
                metrics.snapshots(),
                System::currentTimeMillis,
                supervisor);
        final IndexLoader loader = new IndexLoader(snapshots, supervisor);
        final Path files;
        CrashModel rocks;
        IndexedStore store;
        LaneProgress lane;
        long offset;

        Life(CrashModel rocks, Path files) {
            this.files = files;
            open(rocks);
        }

        void open(CrashModel model) {
            rocks = model;
            lane = new LaneProgress(Lane.NORMAL, new OffsetTracker(), new PartitionDepth(), new DrainRate(), -1);
            offset = -1;
            store = new IndexedStore(
                    rocks, new Indexes(), loader, flushes, RetentionConfig.NONE, new BrokerClock(System::nanoTime));
            store.init(rocks.context(), store);
        }

        private final class Indexes implements IndexedStore.IndexFactory {
            @Override
            public PartitionIndex make(TaskId task, IndexedStore made, IndexFiles at, Journal journal) {
                return new PartitionIndex(
                        task.toString(),
                        0,
                        at,
                        journal,
                        workers,
                        engine,
                        metrics,
                        made.view(),
                        System::currentTimeMillis);
            }

            @Override
            public IndexFiles files(StateStoreContext context) {
                return new IndexFiles(files);
            }
        }

        void end() {
            if (store.isOpen()) {
                store.close();
            }
            loader.close();
            snapshots.close();
            workers.close();
        }
    }

    private final Flushes flushes = new Flushes();
    // Of the schedule, for people.
    private final List<String> history = new ArrayList<>();
    private Life life;
    private int lives;
    // As the processor gives them out: those of a transaction that was aborted are given out again.
    private long generation;
    private long committedGeneration;

    @Test
    void shouldAgreeAfterEverySchedule() throws Exception {
        long seed = Long.getLong("engram.schedule.seed", 20_261_127L);
        for (int schedule = 0; schedule < SCHEDULES; schedule++) {
            try {
                run(new Random(seed + schedule));
            } catch (Exception | AssertionError e) {
                throw new AssertionError("schedule " + schedule + " of seed " + seed + ": " + history, e);
            }
        }
    }

    @Test
    void shouldLookUpAfterAStopNothingAndAfterAKillWhatWasLost() throws Exception {
        Random random = new Random(7);
        begin();
        try {
            observe("a", random);
            observe("b", random);
            commit();
            life.rocks.memtableWritten();
            observe("c", random);
            commit();
            agree();
            life.snapshots.saveNow();
            CrashModel stopped = life.rocks.closed();
            CrashModel killed = life.rocks.killed();
            life.end();

            FollowerCommit saved = saved();
            assertThat(saved.unsure(reached(stopped))).isEmpty();
            assertThat(saved.unsure(reached(killed))).containsExactly("c");
        } finally {
            life.end();
        }
    }

    /** What the files of the index say. */
    private FollowerCommit saved() throws IOException {
        Path index;
        try (Stream<Path> directories = Files.list(life.files)) {
            index = directories.filter(Files::isDirectory).findFirst().orElseThrow();
        }
        OpenedIndex opened = life.engine.open(index, DIMENSION, (id, generation) -> Optional.empty());
        opened.index().close();
        return FollowerCommit.decode(opened.userData().orElseThrow());
    }

    private static JournalPosition reached(CrashModel rocks) {
        return JournalPosition.decode(rocks.get(StoreKeys.REACHED));
    }

    private void begin() {
        history.clear();
        generation = 0;
        committedGeneration = 0;
        Path files = directory.resolve("life-" + lives++);
        life = new Life(new CrashModel(directory.resolve("task"), flushes), files);
        life.store.index().activated();
        life.store.put(
                StoreKeys.space(SPACE),
                SpaceRecord.UNKNOWN.withDimension(DIMENSION).encode());
        LargeMark mark = new LargeMark(1, DIMENSION);
        life.store.put(StoreKeys.large(SPACE), mark.encode());
        life.store.grown(SPACE, mark);
    }

    private void run(Random random) throws Exception {
        begin();
        try {
            int openings = 1 + random.nextInt(4);
            for (int opening = 0; opening < openings; opening++) {
                changes(random);
                endAndBegin(random);
            }
            agree();
        } finally {
            life.end();
            IndexFiles.delete(life.files);
        }
    }

    private void changes(Random random) throws Exception {
        for (int step = random.nextInt(30); step > 0; step--) {
            int kind = random.nextInt(20);
            if (kind < 10) {
                observe("m" + random.nextInt(IDS), random);
            } else if (kind < 13) {
                forget("m" + random.nextInt(IDS));
            } else if (kind < 16) {
                commit();
            } else if (kind < 17) {
                history.add("flush");
                life.rocks.memtableWritten();
            } else if (kind < 19) {
                history.add("save");
                life.snapshots.saveNow();
            } else {
                agree();
            }
        }
    }

    private void observe(String id, Random random) {
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        Bytes key = StoreKeys.memory(SPACE, id);
        generation++;
        history.add(id + " = " + generation);
        life.store.put(
                key,
                StoredMemory.encode(
                        Observation.observe("s", 1, "c", vector).withId(id),
                        new StoredMemory.Origin(generation, 1, 1, Lane.NORMAL, 1)));
        submit(id, vector);
    }

    private void forget(String id) {
        generation++;
        history.add(id + " forgotten " + generation);
        life.store.put(
                StoreKeys.memory(SPACE, id),
                StoredMemory.encodeTombstone(new StoredMemory.Origin(generation, 1, 1, Lane.NORMAL, 1)));
        submit(id, new float[0]);
    }

    private void submit(String id, float[] vector) {
        life.offset++;
        life.store.index().submit(SPACE, new Change(id, generation, vector, 1, 1, life.offset), life.lane);
    }

    private void commit() {
        history.add("commit");
        life.store.commit(Map.of());
        committedGeneration = generation;
    }

    /** One process, or one opening of the store, ends in some way, and the next one has restored what it had to. */
    private void endAndBegin(Random random) throws Exception {
        int kind = random.nextInt(10);
        if (kind < 2) {
            commit();
            reopen(random); // stopped
        } else if (kind < 4) {
            reopen(random); // the transaction failed
        } else {
            kill();
            while (random.nextInt(4) == 0) {
                life.rocks.restoreNext(1 + random.nextInt(5));
                history.add("restored some");
                if (random.nextBoolean()) {
                    history.add("flush");
                    life.rocks.memtableWritten();
                }
                if (random.nextBoolean()) {
                    history.add("save");
                    life.snapshots.saveNow();
                }
                kill();
            }
        }
        while (life.rocks.restoreNext(1 + random.nextInt(7))) {
            if (random.nextInt(5) == 0) {
                history.add("save while restoring");
                life.store.commit(Map.of());
                life.snapshots.saveNow();
            }
        }
        history.add("restored");
        generation = committedGeneration;
        life.store.index().activated();
        if (life.store.read(StoreKeys.large(SPACE)).isEmpty()) {
            LargeMark mark = new LargeMark(1, DIMENSION);
            life.store.put(StoreKeys.large(SPACE), mark.encode());
            life.store.grown(SPACE, mark);
        }
        if (random.nextBoolean()) {
            agree();
        }
    }

    private void reopen(Random random) {
        history.add("close");
        CrashModel closed = life.rocks.closed();
        life.store.close();
        if (random.nextBoolean()) {
            history.add("open");
            life.open(closed); // by another thread of the same process
        } else {
            history.add("restart");
            life.end();
            life = new Life(closed, life.files);
        }
    }

    /** What a commit of an index has is whole at any moment; that one is being made is what the tests of the index are about. */
    private void kill() throws Exception {
        life.snapshots.awaitSaves();
        history.add("kill");
        CrashModel disk = life.rocks.killed();
        Path files = directory.resolve("life-" + lives++);
        copy(life.files, files);
        life.end();
        IndexFiles.delete(life.files);
        life = new Life(disk, files);
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes) throws IOException {
                Files.createDirectories(to.resolve(from.relativize(path)));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path path, BasicFileAttributes attributes) throws IOException {
                try {
                    Files.copy(path, to.resolve(from.relativize(path)));
                } catch (NoSuchFileException e) {
                    // It was of no commit: a segment that was merged just now.
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path path, IOException failure) throws IOException {
                if (failure instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE;
                }
                throw failure;
            }
        });
    }

    private void agree() {
        history.add("agree");
        PartitionIndex index = life.store.index();
        await().atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(1))
                .pollDelay(Duration.ZERO)
                .untilAsserted(() -> {
                    assertThat(index.isCaughtUp()).as("caught up").isTrue();
                    assertThat(index.searchable(SPACE)).as("following").isPresent();
                    assertThat(index.backgroundPending()).as("pending").isZero();
                    assertThat(life.lane.indexedOffset()).as("indexed").isEqualTo(life.offset);
                });
        boolean isKnown = life.store.read(StoreKeys.space(SPACE)).isPresent();
        StoreKeys.fencesOf(SPACE, Optional.of(SpaceRecord.UNKNOWN))
                .forEach(fence -> assertThat(life.store.read(fence.key).isPresent())
                        .as("fence")
                        .isEqualTo(isKnown));
        Map<String, StoredMemory> stored = new HashMap<>();
        life.store.forEach(StoreKeys.firstMemory(SPACE), StoreKeys.afterMemories(SPACE), entry -> {
            StoredMemory memory = StoredMemory.of(entry.value);
            if (!memory.isTombstone()) {
                stored.put(MemoryKey.of(entry.key.get()).id(), memory);
            }
        });
        Optional<VectorIndex> vectors = index.find(SPACE).flatMap(SpaceIndex::vectors);
        assertThat(vectors.map(VectorIndex::ids).map(java.util.Set::copyOf).orElse(java.util.Set.of()))
                .isEqualTo(stored.keySet());
        stored.forEach(
                (id, memory) -> assertThat(vectors.orElseThrow().holds(id, memory.generation(), memory.embedding()))
                        .as(id)
                        .isTrue());
    }
}
