package io.engram.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What every engine must do with the directory of an index. A new engine's test extends this and names the engine. */
public abstract class IndexDirectoryContract {
    private static final int DIMENSION = 32;

    @TempDir
    private Path root;

    private IndexEngine engine;

    /** A new engine with these parameters. */
    protected abstract IndexEngine engine(HnswParameters parameters);

    @BeforeEach
    void makeEngine() {
        engine = engine(HnswParameters.DEFAULT);
    }

    private Path directory() {
        return root.resolve("index");
    }

    private OpenedIndex open() throws IOException {
        return engine.open(directory(), DIMENSION, VectorSource.NONE);
    }

    private static byte[] data(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Optional<String> text(OpenedIndex opened) {
        return opened.userData().map(bytes -> new String(bytes, StandardCharsets.UTF_8));
    }

    private static void add(VectorIndex index, int from, int to) {
        for (int i = from; i < to; i++) {
            index.add("m" + i, i, vector(i));
        }
    }

    private static float[] vector(int number) {
        return VectorIndexContract.random(new Random(number), DIMENSION);
    }

    private static void assertHolds(VectorIndex index, int count) {
        assertThat(index.ids())
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, count).mapToObj(i -> "m" + i).toList());
        for (int i = 0; i < count; i++) {
            assertThat(index.holds("m" + i, i, vector(i))).as("m" + i).isTrue();
        }
    }

    /** A file that is written again is another one; the lock is none of the index's. */
    private Map<String, Object> files() throws IOException {
        Map<String, Object> files = new TreeMap<>();
        for (Path file : list()) {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            files.put(file.getFileName().toString(), List.of(attributes.fileKey(), attributes.size()));
        }
        return files;
    }

    private List<Path> list() throws IOException {
        try (Stream<Path> files = Files.list(directory())) {
            return files.filter(file -> !file.endsWith(DirectoryLocks.FILE)).collect(Collectors.toList());
        }
    }

    private void delete() throws IOException {
        try (Stream<Path> files = Files.walk(directory())) {
            for (Path file : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
                Files.delete(file);
            }
        }
    }

    @Test
    void shouldGiveBackTheUserDataOfTheLastCommit() throws IOException {
        OpenedIndex fresh = open();
        assertThat(fresh.userData()).isEmpty();
        assertThat(fresh.damaged()).isEmpty();
        byte[] first = data("first");
        try (VectorIndex index = fresh.index()) {
            add(index, 0, 1_500);
            index.commit(first);
            first[0] = 'F'; // it was copied
            add(index, 1_500, 1_600);
        }
        OpenedIndex second = open();
        try (VectorIndex index = second.index()) {
            assertThat(text(second)).contains("first");
            assertHolds(index, 1_500);
            index.commit(data("second"));
        }
        OpenedIndex third = open();
        try (VectorIndex index = third.index()) {
            assertThat(text(third)).contains("second");
            assertHolds(index, 1_500);
            add(index, 1_500, 1_600);
            index.commit(new byte[0]);
        }
        OpenedIndex last = open();
        try (VectorIndex index = last.index()) {
            assertThat(text(last)).contains("");
            assertHolds(index, 1_600);
        }
    }

    @Test
    void shouldCommitAnIndexThatNeverHadAnEntry() throws IOException {
        try (VectorIndex index = open().index()) {
            index.commit(data("nothing yet"));
        }
        OpenedIndex again = open();
        try (VectorIndex index = again.index()) {
            assertThat(text(again)).contains("nothing yet");
            assertThat(index.size()).isZero();
            assertThat(index.verify()).isEmpty();
            index.commit(data("still nothing"));
            add(index, 0, 10);
        }
        OpenedIndex last = open();
        try (VectorIndex index = last.index()) {
            assertThat(text(last)).contains("still nothing");
            assertThat(index.size()).isZero();
        }
    }

    @Test
    void shouldFindNothingWhereNothingWasCommitted() throws IOException {
        try (VectorIndex index = open().index()) {
            add(index, 0, 10);
            assertThat(index.verify()).isEmpty();
        }
        OpenedIndex again = open();
        try (VectorIndex index = again.index()) {
            assertThat(again.userData()).isEmpty();
            assertThat(index.size()).isZero();
        }
    }

    @Test
    void shouldWriteNothingWhenNothingChanged() throws IOException {
        try (VectorIndex index = open().index()) {
            add(index, 0, 100);
            index.commit(data("a"));
            Map<String, Object> before = files();
            index.commit(data("a"));
            index.add("m7", 7, vector(7)); // of an older generation
            index.remove("m8", 7);
            index.remove("unknown", 7);
            index.commit(data("a"));
            assertThat(files()).isEqualTo(before);
            index.commit(data("b"));
            assertThat(files()).isNotEqualTo(before);
        }
        try (VectorIndex index = open().index()) {
            Map<String, Object> before = files();
            index.commit(data("b"));
            assertThat(files()).isEqualTo(before);
            index.remove("m8", 8);
            index.commit(data("b"));
            assertThat(files()).isNotEqualTo(before);
        }
        try (VectorIndex index = open().index()) {
            assertThat(index.size()).isEqualTo(99);
            assertThat(index.generation("m8")).isEmpty();
        }
    }

    /** So the user data can name what may be in the commit: what is added while it is asked for is not. */
    @Test
    void shouldAskForUserDataOnceNoMoreChangesEnterWhatIsSaved() throws IOException {
        try (VectorIndex index = open().index()) {
            add(index, 0, 50);
            index.commit(() -> {
                add(index, 50, 60);
                return data("first");
            });
            assertThat(index.size()).isEqualTo(60);
        }
        OpenedIndex again = open();
        try (VectorIndex index = again.index()) {
            assertThat(text(again)).contains("first");
            assertHolds(index, 50);
            index.commit(() -> {
                add(index, 50, 70);
                return data("second");
            });
            index.commit(data("third")); // what was added meanwhile has changed the index
        }
        OpenedIndex last = open();
        try (VectorIndex index = last.index()) {
            assertThat(text(last)).contains("third");
            assertHolds(index, 70);
        }
    }

    @Test
    void shouldRefuseTooMuchUserData() throws IOException {
        try (VectorIndex index = open().index()) {
            index.commit(data("small"));
            byte[] much = new byte[VectorIndex.MAX_USER_DATA_BYTES + 1];
            assertThatThrownBy(() -> index.commit(much))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("268435457 bytes")
                    .hasMessageContaining("268435456");
        }
        OpenedIndex again = open();
        assertThat(text(again)).contains("small");
        again.index().close();
    }

    @Test
    void shouldRefuseASecondOpenerUntilTheFirstIsClosed() throws IOException {
        VectorIndex first = open().index();
        add(first, 0, 10);
        first.commit(data("first"));
        assertThatThrownBy(this::open)
                .isInstanceOf(IndexInUseException.class)
                .hasMessageContaining(directory().toString())
                .hasMessageContaining("open already, in this process");
        Path link = Files.createSymbolicLink(root.resolve("link"), directory());
        assertThatThrownBy(() -> engine.open(link, DIMENSION, VectorSource.NONE))
                .isInstanceOf(IndexInUseException.class);
        assertThatThrownBy(() -> engine(HnswParameters.DEFAULT).open(directory(), DIMENSION, VectorSource.NONE))
                .isInstanceOf(IndexInUseException.class)
                .hasMessageContaining("another engine of this process");
        add(first, 10, 20);
        first.commit(data("still first"));
        first.close();
        OpenedIndex second = open();
        try (VectorIndex index = second.index()) {
            assertThat(text(second)).contains("still first");
            assertHolds(index, 20);
            first.close(); // it has nothing to give up any more
            assertThatThrownBy(this::open).isInstanceOf(IndexInUseException.class);
        }
    }

    @Test
    void shouldRefuseToCommitOnceClosed() throws IOException {
        VectorIndex index = open().index();
        add(index, 0, 10);
        index.commit(data("a"));
        index.close();
        assertThatThrownBy(() -> index.commit(data("b")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        OpenedIndex again = open();
        assertThat(text(again)).contains("a");
        assertHolds(again.index(), 10);
        again.index().close();
    }

    /** What is refused for its parameters is left as it is, and is not kept locked. */
    @Test
    void shouldRefuseAnIndexOfOtherParametersAndLetGoOfIt() throws IOException {
        try (VectorIndex index = open().index()) {
            add(index, 0, 10);
            index.commit(data("a"));
        }
        assertThatThrownBy(() -> engine.open(directory(), DIMENSION + 1, VectorSource.NONE))
                .isInstanceOf(DamagedIndexException.class)
                .hasMessageContaining("32 dimensions")
                .hasMessageContaining("expected 33")
                .hasMessageContaining("Delete the directory " + directory());
        assertThatThrownBy(() -> engine(new HnswParameters(8, 50)).open(directory(), DIMENSION, VectorSource.NONE))
                .isInstanceOf(DamagedIndexException.class)
                .hasMessageContaining("16")
                .hasMessageContaining("m=8");
        assertThatThrownBy(() -> engine.open(directory(), 0, VectorSource.NONE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("dimension < 1: 0");
        OpenedIndex again = open();
        assertHolds(again.index(), 10);
        again.index().close();
        delete();
        try (VectorIndex index =
                engine.open(directory(), DIMENSION + 1, VectorSource.NONE).index()) {
            assertThat(index.size()).isZero();
        }
    }

    /** The directory is moved away, as when its disk is gone, and comes back. */
    @Test
    void shouldGoOnAfterACommitThatFailed() throws IOException {
        Path aside = root.resolve("aside");
        try (VectorIndex index = open().index()) {
            add(index, 0, 100);
            index.commit(data("before"));
            add(index, 100, 200);
            Files.move(directory(), aside);
            Files.writeString(directory(), "no directory");
            assertThatThrownBy(() -> index.commit(data("failed"))).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> index.commit(data("before"))).isInstanceOf(IOException.class);
            assertHolds(index, 200);
            assertThat(index.search(SearchRequest.of(vector(150), 1, 50)).get(0).id())
                    .isEqualTo("m150");
            add(index, 200, 250);
            Files.delete(directory());
            Files.move(aside, directory());
            index.commit(data("before"));
        }
        OpenedIndex again = open();
        try (VectorIndex index = again.index()) {
            assertThat(again.damaged()).isEmpty();
            assertThat(text(again)).contains("before");
            assertHolds(index, 250);
        }
    }

    @Test
    void shouldRefuseToOpenAFile() throws IOException {
        Files.writeString(directory(), "no directory");
        assertThatThrownBy(this::open)
                .isInstanceOf(IOException.class)
                .hasMessageContaining(directory().toString());
    }

    @Test
    void shouldReportDamageAndBeWholeAgainOnceItIsDropped() throws IOException {
        try (VectorIndex index = open().index()) {
            add(index, 0, 1_500);
            index.seal();
            index.commit(data("a"));
            flipTheMiddleOfTheLargestFile();
            List<DamagedSegment> damaged = index.verify();
            assertThat(damaged).singleElement().satisfies(found -> {
                assertThat(found.entries()).isEqualTo(1_500);
                assertThat(found.cause()).hasMessageContaining(found.file().toString());
                assertThat(found.cause()).hasMessageContaining("checksum does not match");
            });
            damaged.forEach(index::drop);
            add(index, 0, 1_500);
            index.commit(data("a"));
            assertThat(index.verify()).isEmpty();
            assertHolds(index, 1_500);
        }
        OpenedIndex again = open();
        try (VectorIndex index = again.index()) {
            assertThat(again.damaged()).isEmpty();
            assertThat(index.verify()).isEmpty();
            assertHolds(index, 1_500);
        }
    }

    private void flipTheMiddleOfTheLargestFile() throws IOException {
        Map<Long, Path> bySize = new TreeMap<>();
        for (Path file : list()) {
            bySize.put(Files.size(file), file);
        }
        Path largest = new ArrayList<>(bySize.values()).get(bySize.size() - 1);
        try (RandomAccessFile bytes = new RandomAccessFile(largest.toFile(), "rw")) {
            bytes.seek(bytes.length() / 2);
            int value = bytes.read();
            bytes.seek(bytes.length() / 2);
            bytes.write(value ^ 0x10);
        }
    }
}
