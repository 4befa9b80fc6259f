package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.HnswParameters;
import io.engram.index.SearchRequest;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files that were written once are read for as long as their version is, and what is written is them to the byte. After a change
 * of format, and of its version: run this test with {@code -Dengram.golden=write}, which writes the files anew.
 */
class GoldenFilesTest {
    private static final Path RESOURCES = Path.of("src/test/resources/io/engram/index/sketch/golden");
    private static final Set<String> NAMES = Set.of("manifest", "1.segment", "3.segment");
    private static final int DIMENSION = 8;
    private static final byte[] USER_DATA = {7, 0, -1};

    @TempDir
    private Path directory;

    private SegmentedIndex.Opened open() throws IOException {
        return new SketchEngine(new HnswParameters(2, 4), task -> {})
                .open(directory, DIMENSION, VectorSource.NONE, TestIndexes.settings(1_001, IndexDirectory.Steps.NONE));
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

    private static String id(int number) {
        return "Größe/" + number;
    }

    /** A sealed segment with a graph, an open one without, dead entries in both. */
    private void write() throws IOException {
        try (SegmentedIndex index = open().index()) {
            for (int number = 0; number < 1_001; number++) {
                index.add(id(number), number + 1_000_000_000_000L, vector(number));
            }
            index.add("superseded", 1, vector(5));
            index.commit(new byte[0]);
            index.add(id(1_002), 5, vector(1_002));
            index.remove("superseded", 1);
            index.remove(id(17), Long.MAX_VALUE);
            index.commit(USER_DATA);
        }
    }

    @Test
    void shouldReadAndWriteTheFilesOfThisVersion() throws IOException {
        write();
        if ("write".equals(System.getProperty("engram.golden"))) {
            Files.createDirectories(RESOURCES);
            for (String name : TestIndexes.names(directory)) {
                Files.copy(directory.resolve(name), RESOURCES.resolve(name), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        for (String name : TestIndexes.names(directory)) {
            assertThat(Files.readAllBytes(directory.resolve(name))).as(name).isEqualTo(golden(name));
        }
    }

    private static byte[] golden(String name) throws IOException {
        try (InputStream in = GoldenFilesTest.class.getResourceAsStream("golden/" + name)) {
            assertThat(in).as(name).isNotNull();
            return in.readAllBytes();
        }
    }

    @Test
    void shouldOpenTheFilesOfThisVersion() throws IOException {
        for (String name : NAMES) {
            Files.write(directory.resolve(name), golden(name));
        }
        SegmentedIndex.Opened opened = open();
        try (SegmentedIndex index = opened.index()) {
            assertThat(opened.damaged()).isEmpty();
            assertThat(opened.userData()).contains(USER_DATA);
            assertThat(index.verify()).isEmpty();
            assertThat(index.size()).isEqualTo(1_001);
            assertThat(index.ids()).contains(id(0), id(1_000), id(1_002)).doesNotContain(id(17), "superseded");
            assertThat(index.holds(id(1_000), 1_000_000_001_000L, vector(1_000)))
                    .isTrue();
            assertThat(index.search(SearchRequest.of(vector(1_002), 1, 100))
                            .get(0)
                            .similarity())
                    .isGreaterThan(0.999f);
        }
    }
}
