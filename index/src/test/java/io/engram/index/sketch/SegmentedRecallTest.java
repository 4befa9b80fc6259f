package io.engram.index.sketch;

import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Nested;

/** What is found does not depend on segments, on their merges, nor on the order in which these insert. */
class SegmentedRecallTest {
    private static final Path ROOT = makeRoot();

    private static Path makeRoot() {
        try {
            return Files.createTempDirectory("segmented-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @AfterAll
    static void delete() throws IOException {
        try (Stream<Path> files = Files.walk(ROOT)) {
            for (Path file : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
                Files.delete(file);
            }
        }
    }

    private static IndexEngine fresh(String name) {
        try {
            return new DirectoryEngine(
                    Files.createTempDirectory(ROOT, name),
                    DirectoryEngine.small(1_500),
                    Integer.MAX_VALUE,
                    Runnable::run);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Nested
    class OfCopies extends CopiesTest {
        @Override
        VectorIndex create(int dimension, VectorSource source) {
            return fresh("copies").create(dimension, source);
        }
    }

    @Nested
    class OfHostileData extends HostileDataTest {
        @Override
        VectorIndex create(int dimension, VectorSource source) {
            return fresh("hostile").create(dimension, source);
        }
    }

    @Nested
    class OfArrivals extends ArrivalOrderTest {
        private final IndexEngine engine = fresh("arrivals");

        @Override
        IndexEngine engine() {
            return engine;
        }
    }
}
