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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

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

        @Override
        @ParameterizedTest
        @CsvSource({"1500, 8000, 1500, 0.02", "3000, 20000, 2000, 0", "12000, 700, 300, 0.02"})
        void shouldFindCopiesFromAfarAndWhatIsBesideThem(int before, int unrelated, int after, double apart) {
            super.shouldFindCopiesFromAfarAndWhatIsBesideThem(before, unrelated, after, apart);
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

        @Override
        @ParameterizedTest
        @EnumSource(
                value = Arrivals.class,
                names = {"COPIES_FIRST", "ALMOST_ONLY_NEAR_COPIES", "ONE_TOPIC_FIRST", "SORTED_BY_TOPIC"})
        void shouldFindTheSameWhateverCameFirst(Arrivals arrivals) throws IOException {
            super.shouldFindTheSameWhateverCameFirst(arrivals);
        }
    }
}
