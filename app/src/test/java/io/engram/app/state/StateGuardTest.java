package io.engram.app.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.app.errors.StartupException;
import io.engram.app.kafka.ChangelogTopic;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateGuardTest {
    private static final String TOPIC = "app-memory-changelog";

    @TempDir
    Path stateDir;

    private StateGuard guard;
    private Path memories;

    @BeforeEach
    void make() {
        guard = new StateGuard(stateDir, "app", stateDir.resolve("hnsw"), () -> 7, () -> {});
        memories = stateDir.resolve("app").resolve("0_1").resolve("memories.sst");
    }

    private void writeMemories() throws IOException {
        Files.createDirectories(memories.getParent());
        Files.writeString(memories, "memories");
    }

    private static ChangelogTopic found(String id) {
        return new ChangelogTopic(TOPIC, Optional.of(id), true, Map.of(0, 5L, 1, 0L));
    }

    private static ChangelogTopic gone(boolean processed) {
        return new ChangelogTopic(TOPIC, Optional.empty(), processed, Map.of());
    }

    @Test
    void shouldFollowTheChangelogOfTheFirstStart() throws IOException {
        guard.requireChangelog(gone(false), false);
        writeMemories();
        guard.follows("first");
        guard.requireChangelog(found("first"), false);
        assertThat(stateDir.resolve("app").resolve(".engram-changelog")).hasContent("1 first");
    }

    @Test
    void shouldRefuseAnotherChangelogAgainAndAgain() throws IOException {
        guard.requireChangelog(found("first"), false);
        writeMemories();
        guard.follows("second");
        for (int start = 0; start < 2; start++) {
            assertThatThrownBy(() -> guard.requireChangelog(found("second"), false))
                    .isInstanceOf(StartupException.class)
                    .hasMessageContaining(TOPIC + ", which was deleted and made again");
        }
        guard.requireChangelog(found("first"), false);
        assertThat(memories).hasContent("memories");
    }

    @Test
    void shouldRefuseStateWithoutItsChangelogEvenIfItsIdWasNeverWritten() throws IOException {
        writeMemories();
        assertThatThrownBy(() -> guard.requireChangelog(gone(false), false))
                .hasMessageContaining(TOPIC + ", which is not there any more");
        assertThat(memories).hasContent("memories");
    }

    @Test
    void shouldRefuseToStartEmptyWhereSomethingWasProcessed() {
        assertThatThrownBy(() -> guard.requireChangelog(gone(true), false))
                .hasMessageContaining("memories that were accepted would be missing");
        guard.requireChangelog(gone(true), true);
    }

    @Test
    void shouldPutStateAsideWhenTold() throws IOException {
        guard.requireChangelog(found("first"), false);
        writeMemories();
        guard.requireChangelog(found("second"), true);
        assertThat(memories).doesNotExist();
        assertThat(stateDir.resolve("changelog-first-7/app/0_1/memories.sst")).hasContent("memories");
        guard.requireChangelog(found("second"), false);
    }

    @Test
    void shouldRefuseAFileThatItDoesNotUnderstand() throws IOException {
        writeMemories();
        Files.writeString(stateDir.resolve("app").resolve(".engram-changelog"), "2 first");
        assertThatThrownBy(() -> guard.requireChangelog(found("first"), false))
                .hasMessageContaining("is of another version or damaged");
        assertThat(memories).hasContent("memories");
    }

    @Test
    void shouldPutAsideWhatWasKeptInTheMiddleOfItsWork() throws IOException {
        guard.requireChangelog(found("first"), false);
        writeMemories();
        guard.keep();
        assertThatThrownBy(() -> guard.requireChangelog(gone(true), false)).isInstanceOf(StartupException.class);
        assertThat(memories).exists();

        // It was no loss after all: what was not committed must not be gone on with, and nothing is deleted.
        guard.requireChangelog(found("first"), false);
        assertThat(memories).doesNotExist();
        assertThat(stateDir.resolve("kept-7/app/0_1/memories.sst")).hasContent("memories");

        writeMemories();
        guard.requireChangelog(found("first"), false);
        assertThat(memories).exists();
    }

    @Test
    void shouldRefuseAnEmptyChangelogWhenRecordsWereProcessedAndNoStateIsHere() {
        ChangelogTopic empty = new ChangelogTopic(TOPIC, Optional.of("second"), true, Map.of(0, 0L, 1, 0L));
        assertThatThrownBy(() -> guard.requireChangelog(empty, false))
                .isInstanceOf(StartupException.class)
                .hasMessageContaining("is empty: memories that were accepted would be missing")
                .hasMessageContaining("EngramTopicsChanged");
        guard.requireChangelog(empty, true);
        guard.requireChangelog(new ChangelogTopic(TOPIC, Optional.of("second"), false, Map.of(0, 0L)), false);
    }
}
