package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import io.engram.index.IndexDirectoryContract;
import io.engram.index.IndexEngine;
import io.engram.index.ReopeningEngine;
import io.engram.index.VectorIndexContract;
import org.junit.jupiter.api.Nested;

/** The contracts of all engines, kept by indexes of segments. */
class SegmentedIndexTest {
    @Nested
    class WithOneOpenSegment extends VectorIndexContract {
        @Override
        protected IndexEngine engine() {
            return new SketchEngine(HnswParameters.DEFAULT, Runnable::run);
        }
    }

    @Nested
    class WithManySegmentsAndMerges extends VectorIndexContract {
        @Override
        protected IndexEngine engine() {
            return new SmallSegmentsEngine(400, Runnable::run);
        }

        @Override
        protected boolean keepsEntriesInHeap() {
            return false;
        }
    }

    @Nested
    class OpenedAgainAllTheTime extends VectorIndexContract {
        @Override
        protected IndexEngine engine() {
            return new ReopeningEngine(new SmallSegmentsEngine(700, Runnable::run), 333);
        }

        @Override
        protected boolean keepsEntriesInHeap() {
            return false;
        }
    }

    @Nested
    class InADirectory extends IndexDirectoryContract {
        @Override
        protected IndexEngine engine(HnswParameters parameters) {
            return new SketchEngine(parameters, Runnable::run);
        }
    }
}
