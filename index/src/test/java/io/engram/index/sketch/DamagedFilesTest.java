package io.engram.index.sketch;

import static io.engram.index.sketch.TestIndexes.add;
import static io.engram.index.sketch.TestIndexes.content;
import static io.engram.index.sketch.TestIndexes.names;
import static io.engram.index.sketch.TestIndexes.open;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.index.DamagedIndexException;
import io.engram.index.DamagedSegment;
import io.engram.index.HnswParameters;
import io.engram.index.SearchRequest;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that are not what was written are named, and the rest of the index serves. */
class DamagedFilesTest {
    private static final byte[] USER_DATA = {1, 2, 3};

    @TempDir
    private Path root;

    /** Two sealed segments of 100 entries and an open one of 50. */
    @BeforeEach
    void commit() throws IOException {
        try (SegmentedIndex index = open(root).index()) {
            add(index, 0, 250);
            index.commit(USER_DATA);
        }
    }

    private Path segmentOf(int first) throws IOException {
        Path manifest = root.resolve("manifest");
        List<Manifest.Part> parts =
                Manifest.decode(manifest, Files.readAllBytes(manifest)).parts();
        return root.resolve(parts.get(first / 100).number() + ".segment");
    }

    private static void flip(Path file, long at) throws IOException {
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.seek(at);
            int value = bytes.read();
            bytes.seek(at);
            bytes.write(value ^ 0x10);
        }
    }

    private static void truncate(Path file, long length) throws IOException {
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.setLength(length);
        }
    }

    private void assertOpensWithout(int first, int count, String section, String what) throws IOException {
        Path file = segmentOf(first);
        SegmentedIndex.Opened opened = open(root);
        try (SegmentedIndex index = opened.index()) {
            assertThat(opened.userData()).contains(USER_DATA);
            assertThat(opened.damaged()).singleElement().satisfies(damaged -> {
                assertThat(damaged.file()).isEqualTo(file);
                assertThat(damaged.entries()).isEqualTo(count);
                assertThat(damaged.cause().section()).isEqualTo(section);
                assertThat(damaged.cause())
                        .hasMessageContaining(file.toString())
                        .hasMessageContaining(what)
                        .hasMessageContaining("built anew from the store");
            });
            assertThat(content(index)).hasSize(250 - count).doesNotContain("m" + first);
            add(index, first, first + count);
            assertThat(content(index)).hasSize(250).noneMatch(id -> id.endsWith("lost"));
            index.commit(USER_DATA);
        }
        SegmentedIndex.Opened again = open(root);
        assertThat(again.damaged()).isEmpty();
        assertThat(again.index().size()).isEqualTo(250);
        assertThat(names(root)).doesNotContain(file.getFileName().toString());
        again.index().close();
    }

    @Test
    void shouldOpenWithoutASegmentThatIsMissing() throws IOException {
        Files.delete(segmentOf(100));
        assertOpensWithout(100, 100, "file", "is missing");
    }

    @Test
    void shouldOpenWithoutASegmentThatWasCutOff() throws IOException {
        truncate(segmentOf(0), Files.size(segmentOf(0)) - 1);
        assertOpensWithout(0, 100, "length", "were written");
    }

    @Test
    void shouldOpenWithoutASegmentOfWhichHardlyAnythingIsLeft() throws IOException {
        truncate(segmentOf(0), 0);
        assertOpensWithout(0, 100, "header", "only 0 bytes");
    }

    @Test
    void shouldOpenWithoutASegmentWhoseHeaderIsDamaged() throws IOException {
        flip(segmentOf(100), 90);
        assertOpensWithout(100, 100, "header", "checksum does not match");
    }

    @Test
    void shouldOpenWithoutASegmentWhoseFooterIsDamaged() throws IOException {
        flip(segmentOf(100), Files.size(segmentOf(100)) - 55);
        assertOpensWithout(100, 100, "footer", "does not belong to the header");
    }

    @Test
    void shouldOpenWithoutASegmentOfAnotherCommit() throws IOException {
        Files.copy(segmentOf(0), segmentOf(100), StandardCopyOption.REPLACE_EXISTING);
        assertOpensWithout(100, 100, "header", "another file");
    }

    @Test
    void shouldOpenWithoutAnOpenSegmentThatIsDamaged() throws IOException {
        flip(segmentOf(200), SegmentHeader.BYTES + 3);
        assertOpensWithout(200, 50, "codes", "checksum does not match");
    }

    @Test
    void shouldFindDamageInASealedSegmentWhenAsked() throws IOException {
        Path file = segmentOf(100);
        flip(file, SegmentHeader.BYTES + 3);
        SegmentedIndex.Opened opened = open(root);
        try (SegmentedIndex index = opened.index()) {
            assertThat(opened.damaged()).isEmpty();
            List<DamagedSegment> damaged = index.verify();
            assertThat(damaged).singleElement().satisfies(found -> {
                assertThat(found.file()).isEqualTo(file);
                assertThat(found.cause().section()).isEqualTo("codes");
            });
            // It is not merged, and nothing is lost for it.
            add(index, 250, 700);
            assertThat(index.size()).isEqualTo(700);
            index.drop(damaged.get(0));
            assertThat(index.verify()).isEmpty();
            add(index, 0, 700);
            assertThat(content(index)).hasSize(700).noneMatch(id -> id.endsWith("lost"));
        }
    }

    @Test
    void shouldWriteTheFileOfAnOpenSegmentAnewWhenItIsDamaged() throws IOException {
        try (SegmentedIndex index = open(root).index()) {
            flip(segmentOf(200), SegmentHeader.BYTES + 3);
            List<DamagedSegment> damaged = index.verify();
            assertThat(damaged).singleElement().satisfies(found -> {
                assertThat(found.file()).isEqualTo(segmentOf(200));
                assertThat(found.cause().section()).isEqualTo("codes");
            });
            index.drop(damaged.get(0));
            assertThat(content(index)).as("served from the heap").hasSize(250);
            index.commit(USER_DATA);
            assertThat(index.verify()).isEmpty();
        }
        SegmentedIndex.Opened opened = open(root);
        try (SegmentedIndex index = opened.index()) {
            assertThat(opened.damaged()).isEmpty();
            assertThat(content(index)).hasSize(250);
        }
    }

    @Test
    void shouldSayWhatKeepsSegmentsFromBeingMerged() throws IOException {
        flip(segmentOf(100), SegmentHeader.BYTES + 3);
        try (SegmentedIndex index = open(root).index()) {
            add(index, 250, 300);
            assertThat(index.failure()).containsInstanceOf(DamagedIndexException.class);
            assertThat(index.failure().orElseThrow()).hasMessageContaining("codes");
            assertThat(index.size()).isEqualTo(300);
        }
    }

    @Test
    void shouldSearchDespiteDamagedLinks() throws IOException {
        SegmentedIndex.Settings large = TestIndexes.settings(2_000, IndexDirectory.Steps.NONE);
        Path directory = root.resolve("links");
        try (SegmentedIndex index = open(directory, large, Runnable::run).index()) {
            add(index, 0, 2_000);
            index.commit(USER_DATA);
        }
        Path file = directory.resolve("1.segment");
        SegmentHeader header = SegmentHeader.decode(file, ByteBuffer.wrap(Files.readAllBytes(file)));
        SegmentHeader.Section base = header.sections().get(SegmentHeader.BASE);
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            for (long at = 2; at < base.length(); at += 64) {
                bytes.seek(base.offset() + at);
                bytes.write(0x7f);
            }
        }
        try (SegmentedIndex index = open(directory, large, Runnable::run).index()) {
            for (int number = 0; number < 50; number++) {
                assertThat(index.search(SearchRequest.of(TestIndexes.vector(number), 5, 50)))
                        .isNotEmpty();
            }
            assertThat(index.verify())
                    .singleElement()
                    .satisfies(damaged -> assertThat(damaged.cause().section()).isEqualTo("base"));
        }
    }

    @Test
    void shouldNameTheFileWhenASearchMeetsADamagedId() throws IOException {
        Path file = segmentOf(0);
        SegmentHeader header = SegmentHeader.decode(file, ByteBuffer.wrap(Files.readAllBytes(file)));
        flip(file, header.sections().get(SegmentHeader.ID_OFFSETS).offset() + 3);
        try (SegmentedIndex index = open(root).index()) {
            assertThatThrownBy(() -> index.search(SearchRequest.of(TestIndexes.vector(0), 100, 100)))
                    .isInstanceOf(UncheckedIOException.class)
                    .cause()
                    .isInstanceOf(DamagedIndexException.class)
                    .hasMessageContaining(file + ": id offsets");
        }
    }

    @Test
    void shouldRefuseADamagedManifest() throws IOException {
        Path manifest = root.resolve("manifest");
        byte[] whole = Files.readAllBytes(manifest);
        for (int at = 0; at < whole.length; at++) {
            byte[] changed = whole.clone();
            changed[at] ^= 1;
            Files.write(manifest, changed);
            assertThatThrownBy(() -> open(root))
                    .isInstanceOf(DamagedIndexException.class)
                    .hasMessageContaining(manifest.toString())
                    .hasMessageContaining("Delete the directory " + root);
        }
        for (int length = 0; length < whole.length; length++) {
            Files.write(manifest, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> open(root)).isInstanceOf(DamagedIndexException.class);
        }
        Files.write(manifest, whole);
        SegmentedIndex.Opened opened = open(root);
        assertThat(opened.damaged()).isEmpty();
        assertThat(opened.index().size()).isEqualTo(250);
        opened.index().close();
    }

    @Test
    void shouldRefuseAnIndexOfOtherParameters() {
        SketchEngine other = new SketchEngine(new HnswParameters(8, 50), Runnable::run);
        assertThatThrownBy(() -> other.open(root, TestIndexes.DIMENSION, VectorSource.NONE))
                .isInstanceOf(DamagedIndexException.class)
                .hasMessageContaining("m=16")
                .hasMessageContaining("expected 16 and")
                .hasMessageContaining("m=8");
        SketchEngine same = new SketchEngine(HnswParameters.DEFAULT, Runnable::run);
        assertThatThrownBy(() -> same.open(root, 17, VectorSource.NONE))
                .isInstanceOf(DamagedIndexException.class)
                .hasMessageContaining("16 dimensions")
                .hasMessageContaining("expected 17");
    }

    @Test
    void shouldRefuseOtherVersionsByTheirName() throws IOException {
        Path manifest = root.resolve("manifest");
        byte[] bytes = Files.readAllBytes(manifest);
        ByteBuffer.wrap(bytes).putInt(8, Manifest.VERSION + 1);
        assertThatThrownBy(() -> Manifest.decode(manifest, bytes))
                .hasMessageContaining("format version 2, this release reads 1");
        Path segment = segmentOf(0);
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(segment)).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(8, SegmentHeader.VERSION + 1);
        assertThatThrownBy(() -> SegmentHeader.decode(segment, file))
                .hasMessageContaining("format version 2, this release reads 1");
    }
}
