package io.engram.index.sketch;

import io.engram.index.IndexEngine;
import java.io.IOException;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is found does not depend on segments, on their merges, nor on the order in which these insert. */
class SegmentedRecallTest {
    private static IndexEngine smallSegments() {
        return new SmallSegmentsEngine(1_500, Runnable::run);
    }

    @Nested
    class OfCopies extends CopiesTest {
        @Override
        IndexEngine engine() {
            return smallSegments();
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
        IndexEngine engine() {
            return smallSegments();
        }
    }

    @Nested
    class OfArrivals extends ArrivalOrderTest {
        @Override
        IndexEngine engine() {
            return smallSegments();
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
