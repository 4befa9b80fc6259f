package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/** Makes {@link SketchIndex}es that share build parameters and the executor of their rebuilds. */
public final class SketchEngine implements IndexEngine {
    /** The name in configuration. */
    public static final String NAME = "sketch";

    private final HnswParameters parameters;
    private final Executor compactor;
    private final Map<Integer, ScratchPool> scratches = new ConcurrentHashMap<>();

    /**
     * @param parameters of every graph
     * @param compactor runs rebuilds of segments that hold too many removed entries; owned by the caller
     */
    public SketchEngine(HnswParameters parameters, Executor compactor) {
        this.parameters = parameters;
        this.compactor = compactor;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public VectorIndex create(int dimension, VectorSource source) {
        return new SketchIndex(dimension, parameters, source, compactor, scratches(dimension));
    }

    @Override
    public VectorIndex load(InputStream in, VectorSource source) throws IOException {
        SketchSnapshot snapshot = SketchSnapshot.read(
                parameters, dimension -> scratches(dimension).rotation(), in);
        return SketchIndex.of(snapshot, parameters, source, compactor, scratches(snapshot.dimension()));
    }

    private ScratchPool scratches(int dimension) {
        return scratches.computeIfAbsent(dimension, ScratchPool::new);
    }
}
