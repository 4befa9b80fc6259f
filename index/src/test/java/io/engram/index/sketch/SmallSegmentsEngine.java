package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Executor;

/** Indexes of segments so small that tests see many of them and of their merges. */
final class SmallSegmentsEngine implements IndexEngine {
    private final SegmentedIndex.Settings settings;
    private final SketchEngine engine;

    /** @param openEntries at which a segment is full */
    SmallSegmentsEngine(int openEntries, Executor executor) {
        this.settings = settings(openEntries);
        this.engine = new SketchEngine(HnswParameters.DEFAULT, executor);
    }

    static SegmentedIndex.Settings settings(int openEntries) {
        return new SegmentedIndex.Settings(
                openEntries,
                1 << 22,
                new MergePolicy(3, 20 * openEntries, 1 << 30),
                IndexDirectory.Steps.NONE,
                () -> new IdHash(1, 2));
    }

    @Override
    public String name() {
        return engine.name();
    }

    @Override
    public OpenedIndex open(Path directory, int dimension, VectorSource source) throws IOException {
        SegmentedIndex.Opened opened = engine.open(directory, dimension, source, settings);
        return new OpenedIndex(opened.index(), opened.userData(), opened.damaged());
    }
}
