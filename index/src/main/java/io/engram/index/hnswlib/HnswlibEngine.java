package io.engram.index.hnswlib;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.Executor;

/** Makes {@link HnswlibIndex}es that share build parameters and the executor of their compactions. */
public final class HnswlibEngine implements IndexEngine {
    /** The name in configuration. */
    public static final String NAME = "hnswlib";

    private final HnswParameters parameters;
    private final Executor compactor;

    /**
     * @param parameters of every graph
     * @param compactor runs rebuilds of graphs that hold too many removed entries; owned by the caller
     */
    public HnswlibEngine(HnswParameters parameters, Executor compactor) {
        this.parameters = parameters;
        this.compactor = compactor;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public VectorIndex create(int dimension, VectorSource source) {
        return new HnswlibIndex(dimension, parameters, compactor);
    }

    @Override
    public VectorIndex load(InputStream in, VectorSource source) throws IOException {
        return new HnswlibIndex(HnswlibSnapshot.read(parameters, in), parameters, compactor);
    }
}
