package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.Executor;

/** Makes {@link SketchIndex}es that share build parameters and the executor of their rebuilds. */
public final class SketchEngine implements IndexEngine {
    /** The name in configuration. */
    public static final String NAME = "sketch";

    private final HnswParameters parameters;
    private final Executor compactor;

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
        return new SketchIndex(dimension, parameters, source, compactor);
    }

    @Override
    public VectorIndex load(InputStream in, VectorSource source) throws IOException {
        return SketchIndex.read(parameters, source, compactor, in);
    }
}
