package io.engram.index.sketch;

import static io.engram.index.sketch.TestIndexes.add;
import static io.engram.index.sketch.TestIndexes.content;
import static io.engram.index.sketch.TestIndexes.copy;
import static io.engram.index.sketch.TestIndexes.names;
import static io.engram.index.sketch.TestIndexes.open;
import static io.engram.index.sketch.TestIndexes.settings;
import static io.engram.index.sketch.TestIndexes.vector;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is opened is a commit as a whole: the last one, or the one before while it is made. */
class CommitTest {
    @TempDir
    private Path root;

    private static byte[] data(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Optional<String> text(SegmentedIndex.Opened opened) {
        return opened.userData().map(bytes -> new String(bytes, StandardCharsets.UTF_8));
    }

    @Test
    void shouldOpenWhatWasCommittedLast() throws IOException {
        SegmentedIndex.Opened fresh = open(root);
        assertThat(fresh.userData()).isEmpty();
        try (SegmentedIndex index = fresh.index()) {
            add(index, 0, 450);
            index.remove("m17", 17);
            index.remove("m440", 440);
            index.commit(data("first"));
            add(index, 450, 700);
            index.remove("m18", 18);
        }
        SegmentedIndex.Opened again = open(root);
        try (SegmentedIndex index = again.index()) {
            assertThat(text(again)).contains("first");
            assertThat(again.damaged()).isEmpty();
            assertThat(index.size()).isEqualTo(448);
            assertThat(content(index)).hasSize(448).contains("m18").doesNotContain("m17", "m440", "m450");
            add(index, 450, 500);
            index.commit(data("second"));
        }
        SegmentedIndex.Opened last = open(root);
        try (SegmentedIndex index = last.index()) {
            assertThat(text(last)).contains("second");
            assertThat(content(index)).hasSize(498).noneMatch(id -> id.endsWith("lost"));
        }
    }

    @Test
    void shouldWriteNothingWhenNothingChanged() throws IOException {
        List<String> steps = new ArrayList<>();
        try (SegmentedIndex index =
                open(root, settings(100, steps::add), Runnable::run).index()) {
            add(index, 0, 150);
            index.commit(data("a"));
            steps.clear();
            index.commit(data("a"));
            assertThat(steps).isEmpty();
            // What is dead and what the caller says is in the manifest alone.
            index.remove("m3", 3);
            index.remove("m149", 149);
            index.commit(data("b"));
            assertThat(steps).isNotEmpty().doesNotContain("segment");
        }
        try (SegmentedIndex index =
                open(root, settings(100, steps::add), Runnable::run).index()) {
            steps.clear();
            index.commit(data("b"));
            assertThat(steps).isEmpty();
            assertThat(content(index)).hasSize(148);
        }
    }

    @Test
    void shouldOpenOneOfTwoCommitsWhereverItIsInterrupted() throws IOException {
        Map<String, Path> copies = new TreeMap<>();
        int[] count = {0};
        boolean[] watched = {false};
        Path directory = root.resolve("index");
        IndexDirectory.Steps steps = step -> {
            if (watched[0]) {
                String name = ++count[0] + " " + step;
                copies.put(name, copy(directory, root.resolve("copy " + count[0])));
            }
        };
        Set<String> before;
        Set<String> after;
        try (SegmentedIndex index =
                open(directory, settings(100, steps), Runnable::run).index()) {
            add(index, 0, 250);
            index.commit(data("before"));
            before = content(index);
            watched[0] = true;
            // Seals, merges and a commit, with removals in all kinds of segments.
            for (int number = 0; number < 250; number += 7) {
                index.remove("m" + number, number);
            }
            add(index, 250, 690);
            for (int number = 3; number < 690; number += 11) {
                index.remove("m" + number, number);
            }
            index.commit(data("after"));
            after = content(index);
        }
        Set<Optional<String>> seen = new HashSet<>();
        for (Map.Entry<String, Path> copied : copies.entrySet()) {
            SegmentedIndex.Opened opened = open(copied.getValue());
            try (SegmentedIndex index = opened.index()) {
                assertThat(opened.damaged()).as(copied.getKey()).isEmpty();
                boolean isOld = text(opened).equals(Optional.of("before"));
                assertThat(content(index)).as(copied.getKey()).isEqualTo(isOld ? before : after);
                assertThat(isOld).as(copied.getKey()).isEqualTo(!isRenamed(copied.getKey(), copies.keySet()));
                seen.add(text(opened));
                Set<String> left = names(copied.getValue());
                assertThat(left)
                        .as("leftovers")
                        .doesNotContain("manifest.new")
                        .hasSize(segments(copied.getValue()) + 1);
            }
        }
        assertThat(seen).containsExactlyInAnyOrder(Optional.of("before"), Optional.of("after"));
        assertThat(copies.keySet()).anyMatch(step -> step.endsWith("segment deleted"));
    }

    private static boolean isRenamed(String step, Set<String> steps) {
        int renamed = steps.stream()
                .filter(other -> other.endsWith("manifest renamed"))
                .mapToInt(other -> Integer.parseInt(other.split(" ")[0]))
                .findFirst()
                .orElseThrow();
        return Integer.parseInt(step.split(" ")[0]) >= renamed;
    }

    private static int segments(Path directory) throws IOException {
        Path manifest = directory.resolve("manifest");
        return Manifest.decode(manifest, Files.readAllBytes(manifest)).parts().size();
    }

    @Test
    void shouldGoOnAfterAStepThatFailed() throws IOException {
        for (String failing : List.of(
                "segment",
                "files forced",
                "manifest written",
                "manifest forced",
                "manifest renamed",
                "commit forced")) {
            Path directory = root.resolve(failing);
            Queue<String> failures = new ArrayDeque<>();
            IndexDirectory.Steps steps = step -> {
                if (step.equals(failures.peek())) {
                    failures.remove();
                    throw new IOException("no space left after: " + step);
                }
            };
            try (SegmentedIndex index =
                    open(directory, settings(100, steps), task -> {}).index()) {
                add(index, 0, 150);
                index.commit(data("first"));
                add(index, 150, 330);
                index.remove("m5", 5);
                failures.add(failing);
                assertThatThrownBy(() -> index.commit(data("second"))).hasMessageContaining(failing);
                assertThat(content(index)).hasSize(329).noneMatch(id -> id.endsWith("lost"));
                SegmentedIndex.Opened between = open(copy(directory, root.resolve(failing + " copy")));
                assertThat(between.damaged()).isEmpty();
                assertThat(between.index().size()).isIn(150, 329);
                between.index().close();
                index.commit(data("third"));
            }
            SegmentedIndex.Opened opened = open(directory);
            try (SegmentedIndex index = opened.index()) {
                assertThat(text(opened)).contains("third");
                assertThat(content(index)).hasSize(329).noneMatch(id -> id.endsWith("lost"));
            }
        }
    }

    @Test
    void shouldApplyToAMergedSegmentWhatDiedDuringTheMerge() throws IOException {
        Queue<Runnable> tasks = new ArrayDeque<>();
        SegmentedIndex[] changed = new SegmentedIndex[1];
        boolean[] isMerging = {false};
        IndexDirectory.Steps steps = step -> {
            if (isMerging[0] && step.equals("segment")) {
                isMerging[0] = false;
                changed[0].remove("m7", 7);
                changed[0].add("m8", 1_000_008, vector(1_000_008));
            }
        };
        try (SegmentedIndex index = open(root, settings(100, steps), tasks::add).index()) {
            changed[0] = index;
            add(index, 0, 300);
            index.commit(data("sealed"));
            assertThat(names(root)).hasSize(4);
            isMerging[0] = true;
            tasks.remove().run();
            assertThat(isMerging[0]).isFalse();

            assertThat(index.size()).isEqualTo(299);
            assertThat(index.ids()).doesNotContain("m7").contains("m8");
            assertThat(index.holds("m8", 1_000_008, vector(1_000_008))).isTrue();
            assertThat(index.generation("m7")).isEmpty();
            assertThat(index.generation("m8")).hasValue(1_000_008);
            assertThat(index.generation("m9")).hasValue(9);
            index.commit(data("merged"));
            assertThat(names(root)).hasSize(3); // merged, open, manifest
        }
        try (SegmentedIndex index = open(root).index()) {
            assertThat(index.size()).isEqualTo(299);
            assertThat(index.ids()).doesNotContain("m7").hasSize(299);
            assertThat(index.holds("m8", 1_000_008, vector(1_000_008))).isTrue();
            assertThat(index.holds("m8", 8, vector(8))).isFalse();
        }
    }

    @Test
    void shouldLeaveBehindWhatIsDead() throws IOException {
        try (SegmentedIndex index = open(root).index()) {
            add(index, 0, 100);
            for (int number = 0; number < 26; number++) {
                index.remove("m" + number, number);
            }
            index.commit(data("a"));
            long size = Files.size(root.resolve(names(root).iterator().next()));
            for (int number = 26; number < 100; number++) {
                index.remove("m" + number, number);
            }
            index.commit(data("b"));
            assertThat(size).isPositive();
            assertThat(names(root)).containsExactly("manifest");
        }
    }

    @Test
    void shouldLeaveBehindWhatIsDeadOfAnOpenSegmentWithAGraph() throws IOException {
        SegmentedIndex.Settings settings = settings(10_000, IndexDirectory.Steps.NONE);
        try (SegmentedIndex index = open(root, settings, Runnable::run).index()) {
            add(index, 0, 2_000);
            for (int number = 0; number < 600; number++) {
                index.remove("m" + number, number);
            }
            index.commit(data("a"));
            assertThat(content(index)).hasSize(1_400).noneMatch(id -> id.endsWith("lost"));
        }
        Path manifest = root.resolve("manifest");
        assertThat(Manifest.decode(manifest, Files.readAllBytes(manifest)).parts())
                .singleElement()
                .satisfies(part -> assertThat(part.entries()).isBetween(1_400, 1_500));
    }

    @Test
    void shouldSealOnRequestAndThenNeedNoHeapForEntries() throws IOException {
        SegmentedIndex.Settings settings = settings(10_000, IndexDirectory.Steps.NONE);
        try (SegmentedIndex index = open(root, settings, Runnable::run).index()) {
            add(index, 0, 3_000);
            long before = index.memoryBytes();
            index.seal();
            assertThat(before).isGreaterThan(3_000 * TestIndexes.DIMENSION);
            assertThat(index.memoryBytes()).isLessThan(6_000);
            assertThat(content(index)).hasSize(3_000);
            index.seal();
            index.commit(data("a"));
            assertThat(names(root)).hasSize(2);
        }
    }

    @Test
    void shouldCommitWhatTheExecutorRefusedToSeal() throws IOException {
        Executor refusing = task -> {
            throw new RejectedExecutionException("shutting down");
        };
        SegmentedIndex.Settings settings = settings(100, IndexDirectory.Steps.NONE);
        try (SegmentedIndex index = open(root, settings, refusing).index()) {
            add(index, 0, 250);
            index.commit(data("a"));
            assertThat(names(root)).hasSize(4); // two sealed, open, manifest
            assertThat(content(index)).hasSize(250).noneMatch(id -> id.endsWith("lost"));
        }
        try (SegmentedIndex index = open(root).index()) {
            assertThat(content(index)).hasSize(250).noneMatch(id -> id.endsWith("lost"));
        }
    }

    @Test
    void shouldCommitAgainWhatWasCommittedBeforeACommitThatMayHaveFailed() throws IOException {
        Queue<String> failures = new ArrayDeque<>();
        IndexDirectory.Steps steps = step -> {
            if (step.equals(failures.peek())) {
                failures.remove();
                throw new IOException("no answer from the disk after: " + step);
            }
        };
        try (SegmentedIndex index =
                open(root, settings(100, steps), Runnable::run).index()) {
            add(index, 0, 50);
            index.commit(data("a"));
            failures.add("manifest renamed");
            assertThatThrownBy(() -> index.commit(data("b"))).hasMessageContaining("manifest renamed");
            index.commit(data("a"));
        }
        SegmentedIndex.Opened opened = open(root);
        assertThat(text(opened)).contains("a");
        opened.index().close();
    }

    @Test
    void shouldWriteNothingToADirectoryOnceClosed() throws IOException {
        Queue<Runnable> tasks = new ArrayDeque<>();
        SegmentedIndex.Settings settings = settings(100, IndexDirectory.Steps.NONE);
        SegmentedIndex index = open(root, settings, tasks::add).index();
        add(index, 0, 350);
        index.commit(data("a"));
        add(index, 350, 460);
        Set<String> before = names(root);
        index.close();
        assertThat(tasks).isNotEmpty();
        tasks.forEach(Runnable::run);
        add(index, 460, 800);
        index.seal();
        assertThat(names(root)).isEqualTo(before);
    }
}
