package io.engram.topology.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotsTest {
    private static final String SPACE = "space-1";

    private final IndexEngine engine = TestEngines.create();

    @TempDir
    Path directory;

    private TopologyFixture topology() {
        return new TopologyFixture(
                directory.resolve("streams"),
                config -> config.withSnapshots(
                                new SnapshotConfig(Optional.of(directory.resolve("hnsw")), 3_600_000, 1_000_000))
                        .withIndexing(config.indexing().withScanThreshold(0)),
                engine);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> paths = Files.walk(directory.resolve("hnsw"))) {
            return paths.filter(Files::isRegularFile).sorted().toList();
        }
    }

    private static Observation observation(int sequence) {
        return Observation.observe("s", sequence, "content", new float[] {1, sequence, sequence % 7})
                .withId("id" + sequence);
    }

    private static double restored(TopologyFixture topology, String outcome) {
        return topology.metric("engram_hnsw_restored_memories_total", "outcome", outcome);
    }

    @Test
    void shouldWriteOnlyWhatChanged() throws Exception {
        try (TopologyFixture topology = topology()) {
            for (int i = 1; i <= 50; i++) {
                topology.send(SPACE, observation(i));
            }
            topology.send("Space-1", observation(1));
            topology.settle();

            TaskSnapshots.Saved first = topology.runtime().snapshots().saveNow();
            assertThat(first.spaces()).isEqualTo(2);
            assertThat(first.memories()).isEqualTo(51);
            assertThat(topology.runtime().snapshots().saveNow()).isEqualTo(TaskSnapshots.Saved.NOTHING);
            topology.send("Space-1", observation(2));
            topology.settle();
            assertThat(topology.runtime().snapshots().saveNow().memories()).isEqualTo(2);
            assertThat(files()).hasSize(2).allMatch(file -> file.toString().endsWith(".hnsw"));

            topology.send("Space-1", Observation.of(Operation.DROP, "s", 3));
            topology.settle();
            topology.runtime().snapshots().saveNow();
            assertThat(files()).hasSize(1);
            assertThat(topology.metric("engram_hnsw_snapshot_size_bytes")).isEqualTo(Files.size(files().get(0)));
        }
    }

    @Test
    void shouldNameTheFileThatCannotBeWrittenAndCountSinceWhenTheDiskIsOutOfDate() throws Exception {
        Files.createDirectories(directory.resolve("hnsw"));
        Files.writeString(directory.resolve("hnsw").resolve("0_0"), "not a directory");
        try (TopologyFixture topology = new TopologyFixture(
                directory.resolve("streams"),
                config -> config.withSnapshots(
                                new SnapshotConfig(Optional.of(directory.resolve("hnsw")), 1_000, 1_000_000))
                        .withIndexing(config.indexing().withScanThreshold(0)),
                engine)) {
            topology.send(SPACE, observation(1));
            topology.settle();
            topology.advance(Duration.ofSeconds(60));
            // By itself, as it is due; and again, as it failed.
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> topology.metric("engram_hnsw_snapshot_failures_total", "operation", "save") >= 1);
            assertThat(topology.metric("engram_hnsw_snapshot_age_seconds")).isGreaterThanOrEqualTo(60);

            assertThatThrownBy(() -> topology.runtime().snapshots().saveNow())
                    .isInstanceOf(SnapshotException.class)
                    .hasMessageContaining(
                            directory.resolve("hnsw").resolve("0_0").toString())
                    .hasMessageContaining("cannot be written");
            assertThat(topology.metric("engram_hnsw_snapshot_age_seconds")).isGreaterThanOrEqualTo(60);

            Files.delete(directory.resolve("hnsw").resolve("0_0"));
            assertThat(topology.runtime().snapshots().saveNow().memories()).isEqualTo(1);
            assertThat(topology.metric("engram_hnsw_snapshot_age_seconds")).isZero();
        }
    }

    /** What is half-written could be what fills the disk, and so could what belongs to nobody. */
    @Test
    void shouldLeaveNothingBehindThatKeepsADiskFull() throws Exception {
        try (TopologyFixture topology = topology()) {
            topology.send("gone", observation(1));
            topology.settle();
            topology.runtime().snapshots().saveNow();
            assertThat(files()).hasSize(1);
            topology.send("gone", Observation.of(Operation.DROP, "s", 2));
            topology.send(SPACE, observation(1));
            topology.settle();
            // It is written whole, and cannot be brought to its place.
            Path inTheWay = SnapshotFile.of(directory.resolve("hnsw").resolve("0_0"), SPACE)
                    .path();
            Files.createDirectories(inTheWay);
            Path content = Files.writeString(inTheWay.resolve("file"), "");

            assertThatThrownBy(() -> topology.runtime().snapshots().saveNow())
                    .isInstanceOf(SnapshotException.class)
                    .hasMessageContaining(inTheWay.toString());
            assertThat(files()).containsExactly(content);

            Files.delete(content);
            Files.delete(inTheWay);
            assertThat(topology.runtime().snapshots().saveNow().memories()).isEqualTo(1);
            assertThat(files()).containsExactly(inTheWay);
        }
    }

    @Test
    void shouldNotBelieveASnapshotOfASpaceThatTheStoreDoesNotHave() throws Exception {
        try (TopologyFixture topology = topology()) {
            for (int i = 1; i <= 40; i++) {
                topology.send(SPACE, observation(i));
            }
            topology.settle();
        }
        assertThat(files()).as("saved when closed").hasSize(1);
        // The test driver deletes its store: nothing of the snapshot is true any more.
        try (TopologyFixture topology = topology()) {
            topology.settle();
            assertThat(restored(topology, "confirmed")).isZero();
            assertThat(topology.store().view().index().find(SPACE)).isEmpty();
            // The same ids and generations, with other embeddings.
            for (int i = 1; i <= 10; i++) {
                topology.send(
                        SPACE,
                        Observation.observe("s", i, "other", new float[] {-1, i, 5})
                                .withId("id" + i));
            }
            topology.settle();
            assertThat(topology.recallIds(SPACE, new float[] {-1, 3, 5}, 1)).containsExactly("id3");
            assertThat(topology.recallIds(SPACE, new float[] {1, 30, 2}, 50)).hasSize(10);
        }
    }

    @Test
    void shouldReplaceWhatAnAbortedTransactionLeftInTheIndex() throws Exception {
        try (TopologyFixture topology = topology()) {
            for (int i = 1; i <= 40; i++) {
                topology.send(SPACE, observation(i));
            }
            topology.settle();
        }
        try (TopologyFixture topology = topology()) {
            // At once, while the snapshot may still be on its way in.
            for (int i = 1; i <= 10; i++) {
                topology.send(
                        SPACE,
                        Observation.observe("s", i, "other", new float[] {-1, i, 5})
                                .withId("id" + i));
            }
            topology.settle();
            assertThat(topology.recallIds(SPACE, new float[] {-1, 3, 5}, 1)).containsExactly("id3");
            assertThat(topology.store().view().index().find(SPACE).orElseThrow().size())
                    .isEqualTo(10);
        }
    }

    @Test
    void shouldNameFileAndReasonOfEveryDamage() throws Exception {
        VectorIndex index = engine.create(3, VectorSource.NONE);
        for (int i = 0; i < 1_200; i++) {
            index.add("id" + i, i, new float[] {1, i, i % 3});
        }
        SnapshotFile file = SnapshotFile.of(directory, SPACE);
        file.save(engine.name(), SPACE, index, 1);
        assertThat(file.load(engine, space -> VectorSource.NONE).index().size()).isEqualTo(1_200);
        byte[] whole = Files.readAllBytes(file.path());

        refused(file, new byte[0], "cut short");
        refused(file, new byte[] {1, 2, 3}, "cut short");
        refused(file, java.util.Arrays.copyOf(whole, whole.length - 1), "CRC-32C");
        refused(file, java.util.Arrays.copyOf(whole, whole.length / 2), "CRC-32C");
        for (int at : new int[] {0, 9, 20, 100, whole.length / 2, whole.length - 2}) {
            byte[] flipped = whole.clone();
            flipped[at] ^= 0x10;
            refused(file, flipped, at == 0 ? "magic" : "CRC-32C");
        }
        Files.write(file.path(), whole);
        assertThatThrownBy(() -> file.load(TestEngines.create(new HnswParameters(8, 50)), space -> VectorSource.NONE))
                .isInstanceOf(SnapshotException.class)
                .hasMessageContaining("configured are");
        file.save("another", SPACE, index, 1);
        assertThatThrownBy(() -> file.load(engine, space -> VectorSource.NONE))
                .isInstanceOf(SnapshotException.class)
                .hasMessageContaining("engine another");
    }

    private void refused(SnapshotFile file, byte[] bytes, String reason) throws IOException {
        Files.write(file.path(), bytes);
        assertThatThrownBy(() -> file.load(engine, space -> VectorSource.NONE))
                .isInstanceOf(SnapshotException.class)
                .hasMessageContaining(file.path().toString())
                .hasMessageContaining(reason);
    }
}
