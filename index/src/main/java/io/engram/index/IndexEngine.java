package io.engram.index;

import java.io.IOException;
import java.nio.file.Path;

/** Makes the indexes of one kind; a new engine is an implementation of this and of {@link VectorIndex}. Thread-safe. */
public interface IndexEngine {
    /** The engine's name in configuration, e.g. {@code hnswlib}. */
    String name();

    /**
     * Opens the index in a directory as it was at its last {@link VectorIndex#commit}; a new one when there was none.
     *
     * @param directory of this index alone; made when there is none. One index at a time may have it open: this one until it
     *     is closed or the process ends
     * @param dimension components of every vector, 1 or more
     * @param source of the vectors that are added; an engine that keeps them itself never asks
     * @throws DamagedIndexException when what the directory says of the whole index is damaged, of another version, or of
     *     another dimension or parameters: the directory has to be deleted and the index built anew
     * @throws IndexInUseException when the index in it is open already, in this process or in another
     * @throws IOException when a file cannot be read
     */
    OpenedIndex open(Path directory, int dimension, VectorSource source) throws IOException;
}
