package io.engram.index.hnswlib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.index.DamagedIndexException;
import io.engram.index.DamagedSegment;
import io.engram.index.HnswParameters;
import io.engram.index.OpenedIndex;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A file that was written once is read for as long as its version is; what is not what was written is named. After a change of
 * format, and of its version: run this test with {@code -Dengram.golden=write}, which writes the files anew.
 */
class HnswlibFileTest {
    private static final Path RESOURCES = Path.of("src/test/resources/io/engram/index/hnswlib/golden");
    private static final String WITH_GRAPH = "with-graph";
    private static final String WITHOUT_GRAPH = "without-graph";
    private static final int DIMENSION = 4;
    private static final int COUNT = 1_010;
    private static final byte[] USER_DATA = {7, 0, -1};

    @TempDir
    private Path directory;

    private final HnswlibEngine engine = new HnswlibEngine(new HnswParameters(4, 20), task -> {});

    private OpenedIndex open() throws IOException {
        return engine.open(directory, DIMENSION, VectorSource.NONE);
    }

    private Path file() {
        return directory.resolve(HnswlibDirectory.FILE);
    }

    private static String id(int number) {
        return "Größe/" + number;
    }

    /** Short integers, so that no rounding of any processor makes a difference. */
    private static float[] vector(int number) {
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] = (number * 31 + i * 17 + number * number * (i + 3)) % 101 - 50;
        }
        vector[number % DIMENSION] += 60;
        return vector;
    }

    /** With a graph, and an entry in it that is dead. */
    @BeforeEach
    void write() throws IOException {
        try (VectorIndex index = open().index()) {
            for (int number = 0; number < COUNT; number++) {
                index.add(id(number), number + 1_000_000_000_000L, vector(number));
            }
            for (int number = COUNT; number < 1_300; number++) {
                index.add(id(number), number, vector(number)); // links what was there before the graph
                index.remove(id(number), number);
            }
            index.remove(id(17), Long.MAX_VALUE);
            index.commit(USER_DATA);
        }
    }

    private static byte[] golden(String name, Path written) throws IOException {
        if ("write".equals(System.getProperty("engram.golden"))) {
            Files.createDirectories(RESOURCES);
            Files.copy(written, RESOURCES.resolve(name), StandardCopyOption.REPLACE_EXISTING);
            return Files.readAllBytes(written);
        }
        try (InputStream in = HnswlibFileTest.class.getResourceAsStream("golden/" + name)) {
            assertThat(in).as(name).isNotNull();
            return in.readAllBytes();
        }
    }

    private void assertIsWhole() throws IOException {
        OpenedIndex opened = open();
        try (VectorIndex index = opened.index()) {
            assertThat(opened.userData()).contains(USER_DATA);
            assertThat(index.verify()).isEmpty();
            assertThat(index.size()).isEqualTo(COUNT - 1);
            assertThat(index.ids()).contains(id(0), id(COUNT - 1)).doesNotContain(id(17), id(COUNT));
            assertThat(index.holds(id(1_000), 1_000_000_001_000L, vector(1_000)))
                    .isTrue();
            assertThat(index.search(SearchRequest.of(vector(1_002), 1, 1_000))
                            .get(0)
                            .similarity())
                    .isGreaterThan(0.999f);
        }
    }

    /** Links differ from run to run: the library draws the layers of a node. */
    @Test
    void shouldWriteTheFileOfThisVersion() throws IOException {
        Path small = directory.resolve("small");
        try (VectorIndex index =
                engine.open(small, DIMENSION, VectorSource.NONE).index()) {
            index.add(id(1), 1_000_000_000_001L, vector(1));
            index.commit(USER_DATA);
        }
        Path written = small.resolve(HnswlibDirectory.FILE);
        assertThat(Files.readAllBytes(written)).isEqualTo(golden(WITHOUT_GRAPH, written));
    }

    @Test
    void shouldOpenTheFileOfThisVersion() throws IOException {
        Files.write(file(), golden(WITH_GRAPH, file()));
        assertIsWhole();
    }

    private void assertDamaged(String section, String what) {
        assertThatThrownBy(this::open)
                .isInstanceOf(DamagedIndexException.class)
                .hasMessageContaining(file() + ": " + section + ": ")
                .hasMessageContaining(what)
                .hasMessageContaining("Delete the directory " + directory)
                .satisfies(e -> {
                    assertThat(((DamagedIndexException) e).file()).isEqualTo(file());
                    assertThat(((DamagedIndexException) e).section()).isEqualTo(section);
                });
    }

    /** Where sections begin, by name; the last one ends with the file. */
    private Map<String, Integer> sections(byte[] whole) {
        ByteBuffer header = ByteBuffer.wrap(whole);
        Map<String, Integer> begins = new LinkedHashMap<>();
        int at = HnswlibFile.HEADER_BYTES;
        for (int section = 0; section < 3; section++) {
            begins.put(List.of("user data", "entries", "links").get(section), at);
            at += (int) header.getLong(32 + section * 12);
        }
        assertThat(at).isEqualTo(whole.length);
        return begins;
    }

    @Test
    void shouldNameTheSectionOfAnyBitThatFlipped() throws IOException {
        byte[] whole = Files.readAllBytes(file());
        for (int at = 0; at < HnswlibFile.HEADER_BYTES; at++) {
            flip(whole, at);
            assertDamaged("header", at < 8 ? "not the file of" : at < 12 ? "version" : "checksum does not match");
        }
        Map<String, Integer> sections = sections(whole);
        for (Map.Entry<String, Integer> section : sections.entrySet()) {
            flip(whole, section.getValue());
            assertDamaged(section.getKey(), "checksum does not match");
        }
        flip(whole, sections.get("links") - 1);
        assertDamaged("entries", "checksum does not match");
        flip(whole, whole.length - 1);
        assertDamaged("links", "checksum does not match");
        Files.write(file(), whole);
        assertIsWhole();
    }

    private void flip(byte[] whole, int at) throws IOException {
        byte[] changed = whole.clone();
        changed[at] ^= 0x10;
        Files.write(file(), changed);
    }

    @Test
    void shouldRefuseAFileOfAnotherLength() throws IOException {
        byte[] whole = Files.readAllBytes(file());
        for (int length : new int[] {0, 1, HnswlibFile.HEADER_BYTES - 1}) {
            Files.write(file(), Arrays.copyOf(whole, length));
            assertDamaged("header", "only " + length + " bytes in the file");
        }
        for (int length : new int[] {HnswlibFile.HEADER_BYTES, whole.length / 2, whole.length - 1, whole.length + 1}) {
            Files.write(file(), Arrays.copyOf(whole, length));
            assertDamaged("length", length + " bytes, " + whole.length + " were written");
        }
    }

    @Test
    void shouldRefuseAnotherVersionByItsName() throws IOException {
        byte[] whole = Files.readAllBytes(file());
        ByteBuffer.wrap(whole).putInt(8, HnswlibFile.VERSION + 1);
        Files.write(file(), whole);
        assertDamaged("header", "format version 2, this release reads 1");
    }

    @Test
    void shouldIgnoreAndRemoveWhatAnInterruptedCommitLeft() throws IOException {
        Path left = directory.resolve(HnswlibDirectory.FILE + ".new");
        Files.write(left, Arrays.copyOf(Files.readAllBytes(file()), 1_000));
        assertIsWhole();
        assertThat(left).doesNotExist();
    }

    @Test
    void shouldReportAFileThatIsMissing() throws IOException {
        try (VectorIndex index = open().index()) {
            Files.delete(file());
            List<DamagedSegment> damaged = index.verify();
            assertThat(damaged).singleElement().satisfies(found -> {
                assertThat(found.file()).isEqualTo(file());
                assertThat(found.cause()).hasMessageContaining("is missing");
            });
            index.drop(damaged.get(0));
            assertThat(index.size()).isEqualTo(COUNT - 1);
            index.commit(USER_DATA);
        }
        assertIsWhole();
    }
}
