package io.engram.index.sketch;

import io.engram.index.IndexEngine;
import io.engram.index.VectorIndexContract;
import java.nio.file.Path;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** The contract of all engines, kept by indexes in directories. */
class SegmentedIndexTest {
    @TempDir
    private Path root;

    @Nested
    class WithOneOpenSegment extends VectorIndexContract {
        @Override
        protected IndexEngine engine() {
            return new DirectoryEngine(root, SegmentedIndex.Settings.DEFAULT, Integer.MAX_VALUE, Runnable::run);
        }
    }

    @Nested
    class WithManySegmentsAndMerges extends VectorIndexContract {
        @Override
        protected IndexEngine engine() {
            return new DirectoryEngine(root, DirectoryEngine.small(400), Integer.MAX_VALUE, Runnable::run);
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
            return new DirectoryEngine(root, DirectoryEngine.small(700), 333, Runnable::run);
        }

        @Override
        protected boolean keepsEntriesInHeap() {
            return false;
        }
    }
}
