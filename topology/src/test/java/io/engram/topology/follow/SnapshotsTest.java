package io.engram.topology.follow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.sketch.SketchEngine;
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

    private List<Path> indexes() throws IOException {
        try (Stream<Path> paths = Files.list(directory.resolve("hnsw").resolve("0_0"))) {
            return paths.filter(Files::isDirectory).sorted().toList();
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

            IndexCommits.Saved first = topology.runtime().snapshots().saveNow();
            assertThat(first.spaces()).isEqualTo(2);
            assertThat(first.memories()).isEqualTo(51);
            assertThat(topology.runtime().snapshots().saveNow()).isEqualTo(IndexCommits.Saved.NOTHING);
            topology.send("Space-1", observation(2));
            topology.settle();
            assertThat(topology.runtime().snapshots().saveNow().memories()).isEqualTo(2);
            assertThat(indexes()).hasSize(2);

            topology.send("Space-1", Observation.of(Operation.DROP, "s", 3));
            topology.settle();
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(indexes()).hasSize(1));
            topology.runtime().snapshots().saveNow();
            long bytes = 0;
            for (Path file : files()) {
                bytes += file.startsWith(indexes().get(0)) ? Files.size(file) : 0;
            }
            assertThat(topology.metric("engram_hnsw_snapshot_size_bytes")).isEqualTo(bytes);
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
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> topology.runtime().snapshots().saveNow().memories() == 1);
            assertThat(topology.metric("engram_hnsw_snapshot_age_seconds")).isZero();
        }
    }

    /** Of a space that was dropped while a process ended, or is not here any more: it could be what fills the disk. */
    @Test
    void shouldLeaveNoFilesOfSpacesThatAreNotHere() throws Exception {
        Path left = directory.resolve("hnsw").resolve("0_0").resolve("gone-00308a3e-0000000000000001");
        Files.createDirectories(left);
        Files.writeString(left.resolve("manifest"), "of an index");
        try (TopologyFixture topology = topology()) {
            topology.send(SPACE, observation(1));
            topology.settle();
            topology.runtime().snapshots().saveNow();
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(indexes()).hasSize(1).doesNotContain(left));
        }
    }

    @Test
    void shouldGiveWhatIndexesHoldFilesBeforeTheyTakeAllThatTheyMay() throws Exception {
        long limit = 1 << 20;
        int memories = 3_000;
        try (TopologyFixture topology = new TopologyFixture(
                directory.resolve("streams"),
                config -> config.withSnapshots(
                                new SnapshotConfig(Optional.of(directory.resolve("hnsw")), 3_600_000, 1_000_000))
                        .withIndexing(config.indexing().withScanThreshold(0).withMaxMemoryBytes(limit)),
                new SketchEngine(HnswParameters.DEFAULT, Runnable::run))) {
            for (int i = 1; i <= memories; i++) {
                topology.send(SPACE, observation(i));
            }
            topology.settle();
            // More than 200 bytes each. Nobody asks for it, and by the clock of the test nothing is due.
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() ->
                            assertThat(topology.runtime().indexMemory().used()).isLessThan(limit / 2));
            assertThat(topology.metric("engram_hnsw_index_size", "memory_space", SPACE))
                    .isEqualTo(memories);
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
        assertThat(indexes()).as("saved when closed").hasSize(1);
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
}
