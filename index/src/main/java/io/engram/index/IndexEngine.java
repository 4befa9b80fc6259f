package io.engram.index;

import java.io.IOException;
import java.io.InputStream;

/** Makes the indexes of one kind; a new engine is an implementation of this and of {@link VectorIndex}. Thread-safe. */
public interface IndexEngine {
    /** The engine's name in configuration, e.g. {@code hnswlib}. */
    String name();

    /**
     * A new, empty index.
     *
     * @param dimension components of every vector, 1 or more
     * @param source of the vectors that are added; an engine that keeps them itself never asks
     */
    VectorIndex create(int dimension, VectorSource source);

    /**
     * The index that {@link VectorIndex#save} wrote; it answers as the saved one did.
     *
     * @param in buffered by the caller, and not closed here
     * @param source as for {@link #create}
     * @throws IOException when this is no snapshot of this engine, or one of other build parameters
     */
    VectorIndex load(InputStream in, VectorSource source) throws IOException;
}
