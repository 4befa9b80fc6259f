package io.engram.index.sketch;

import io.engram.index.DirectoryLocks;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/** Makes {@link SegmentedIndex}es that share build parameters and the executor of their seals and merges. */
public final class SketchEngine implements IndexEngine {
    /** The name in configuration. */
    public static final String NAME = "sketch";

    private final HnswParameters parameters;
    private final Executor compactor;
    private final Map<Integer, ScratchPool> scratches = new ConcurrentHashMap<>();
    private final DirectoryLocks locks = new DirectoryLocks();

    /**
     * @param parameters of every graph
     * @param compactor seals and merges segments; owned by the caller
     */
    public SketchEngine(HnswParameters parameters, Executor compactor) {
        this.parameters = parameters;
        this.compactor = compactor;
    }

    @Override
    public String name() {
        return NAME;
    }

    /** What is opened again is not read, but for entries that had no sealed segment. */
    @Override
    public OpenedIndex open(Path directory, int dimension, VectorSource source) throws IOException {
        SegmentedIndex.Opened opened = open(directory, dimension, source, SegmentedIndex.Settings.DEFAULT);
        return new OpenedIndex(opened.index(), opened.userData(), opened.damaged());
    }

    SegmentedIndex.Opened open(Path directory, int dimension, VectorSource source, SegmentedIndex.Settings settings)
            throws IOException {
        if (dimension < 1) {
            throw new IllegalArgumentException("dimension < 1: " + dimension);
        }
        DirectoryLocks.Held lock = locks.lock(directory);
        try {
            return IndexOpener.open(lock, dimension, parameters, source, compactor, scratches(dimension), settings);
        } catch (IOException | RuntimeException | Error e) {
            lock.close();
            throw e;
        }
    }

    private ScratchPool scratches(int dimension) {
        return scratches.computeIfAbsent(dimension, ScratchPool::new);
    }
}
