package io.engram.index;

/** Makes the indexes of one kind; a new engine is an implementation of this and of {@link VectorIndex}. Thread-safe. */
public interface IndexEngine {
    /** The engine's name in configuration, e.g. {@code hnswlib}. */
    String name();

    /**
     * A new, empty index.
     *
     * @param dimension components of every vector, 1 or more
     */
    VectorIndex create(int dimension);
}
