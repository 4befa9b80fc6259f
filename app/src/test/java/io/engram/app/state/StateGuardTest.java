package io.engram.app.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.app.errors.StartupException;
import io.engram.app.kafka.ChangelogTopic;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateGuardTest {
    private static final String TOPIC = "app-memory-changelog";
    private static final String SESSIONS = "app-sessions-changelog";

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

    private static ChangelogTopic found(String topic, String id) {
        return new ChangelogTopic(topic, Optional.of(id), true, Map.of(0, 5L, 1, 0L));
    }

    /** Both are there. */
    private static List<ChangelogTopic> found(String id) {
        return List.of(found(TOPIC, id), found(SESSIONS, id + "-s"));
    }

    private static List<ChangelogTopic> gone(boolean processed) {
        return Stream.of(TOPIC, SESSIONS)
                .map(topic -> new ChangelogTopic(topic, Optional.empty(), processed, Map.of()))
                .toList();
    }

    private static Map<String, String> ids(String id) {
        return Map.of(TOPIC, id, SESSIONS, id + "-s");
    }

    @Test
    void shouldFollowTheChangelogOfTheFirstStart() throws IOException {
        guard.requireChangelogs(gone(false), false);
        writeMemories();
        guard.follows(ids("first"));
        guard.requireChangelogs(found("first"), false);
        assertThat(stateDir.resolve("app").resolve(".engram-changelog"))
                .hasContent("2 app-memory-changelog=first app-sessions-changelog=first-s");
    }

    @Test
    void shouldRefuseAnotherChangelogAgainAndAgain() throws IOException {
        guard.requireChangelogs(found("first"), false);
        writeMemories();
        guard.follows(ids("second"));
        for (int start = 0; start < 2; start++) {
            assertThatThrownBy(() -> guard.requireChangelogs(found("second"), false))
                    .isInstanceOf(StartupException.class)
                    .hasMessageContaining(TOPIC + ", which was deleted and made again");
        }
        guard.requireChangelogs(found("first"), false);
        assertThat(memories).hasContent("memories");
    }

    @Test
    void shouldRefuseStateWithoutItsChangelogEvenIfItsIdWasNeverWritten() throws IOException {
        writeMemories();
        assertThatThrownBy(() -> guard.requireChangelogs(gone(false), false))
                .hasMessageContaining(TOPIC + ", which is not there any more");
        assertThat(memories).hasContent("memories");
    }

    @Test
    void shouldRefuseToStartEmptyWhereSomethingWasProcessed() {
        assertThatThrownBy(() -> guard.requireChangelogs(gone(true), false))
                .hasMessageContaining("memories that were accepted would be missing");
        guard.requireChangelogs(gone(true), true);
    }

    @Test
    void shouldPutStateAsideWhenTold() throws IOException {
        guard.requireChangelogs(found("first"), false);
        writeMemories();
        guard.requireChangelogs(found("second"), true);
        assertThat(memories).doesNotExist();
        assertThat(stateDir.resolve("changelog-first-7/app/0_1/memories.sst")).hasContent("memories");
        guard.requireChangelogs(found("second"), false);
    }

    @Test
    void shouldRefuseAFileThatItDoesNotUnderstand() throws IOException {
        writeMemories();
        for (String text : List.of("1 first", "3 app-memory-changelog=first", "2 first", "2 ")) {
            Files.writeString(stateDir.resolve("app").resolve(".engram-changelog"), text);
            assertThatThrownBy(() -> guard.requireChangelogs(found("first"), false))
                    .hasMessageContaining("is of another version or damaged");
        }
        assertThat(memories).hasContent("memories");
    }

    @Test
    void shouldPutAsideWhatWasKeptInTheMiddleOfItsWork() throws IOException {
        guard.requireChangelogs(found("first"), false);
        writeMemories();
        guard.keep();
        assertThatThrownBy(() -> guard.requireChangelogs(gone(true), false)).isInstanceOf(StartupException.class);
        assertThat(memories).exists();

        // It was no loss after all: what was not committed must not be gone on with, and nothing is deleted.
        guard.requireChangelogs(found("first"), false);
        assertThat(memories).doesNotExist();
        assertThat(stateDir.resolve("kept-7/app/0_1/memories.sst")).hasContent("memories");

        writeMemories();
        guard.requireChangelogs(found("first"), false);
        assertThat(memories).exists();
    }

    @Test
    void shouldRefuseAnEmptyChangelogWhenRecordsWereProcessedAndNoStateIsHere() {
        for (int at = 0; at < 2; at++) {
            List<ChangelogTopic> empty = new ArrayList<>(found("second"));
            ChangelogTopic was = empty.get(at);
            empty.set(at, new ChangelogTopic(was.name(), was.id(), true, Map.of(0, 0L, 1, 0L)));
            assertThatThrownBy(() -> guard.requireChangelogs(empty, false))
                    .isInstanceOf(StartupException.class)
                    .hasMessageContaining(was.name())
                    .hasMessageContaining("is empty: memories that were accepted would be missing")
                    .hasMessageContaining("EngramTopicsChanged");
            guard.requireChangelogs(empty, true);
            empty.set(at, new ChangelogTopic(was.name(), was.id(), false, Map.of(0, 0L)));
            guard.requireChangelogs(empty, false);
        }
    }

    @Test
    void shouldRefuseStateOfWhichOnlyTheSessionsAreLost() throws IOException {
        guard.requireChangelogs(found("first"), false);
        writeMemories();
        List<ChangelogTopic> other = List.of(found(TOPIC, "first"), found(SESSIONS, "other"));
        assertThatThrownBy(() -> guard.requireChangelogs(other, false))
                .hasMessageContaining(SESSIONS + ", which was deleted and made again");
        List<ChangelogTopic> missing = List.of(found(TOPIC, "first"), gone(true).get(1));
        assertThatThrownBy(() -> guard.requireChangelogs(missing, false))
                .hasMessageContaining(SESSIONS + ", which is not there any more");
        assertThat(guard.differs(Map.of(TOPIC, Optional.of("first"), SESSIONS, Optional.of("other")))
                        .orElseThrow())
                .contains(SESSIONS)
                .contains("made again");
        assertThat(guard.differs(Map.of(TOPIC, Optional.of("first"), SESSIONS, Optional.of("first-s"))))
                .isEmpty();
        assertThat(memories).hasContent("memories");

        guard.requireChangelogs(other, true);
        assertThat(stateDir.resolve("changelog-first-s-7/app/0_1/memories.sst")).hasContent("memories");
    }
}
