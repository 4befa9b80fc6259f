package io.engram.index;

import java.util.Optional;

/**
 * Where an index that keeps only compressed vectors finds the originals, to compare the last candidates of a search
 * exactly. Thread-safe.
 */
@FunctionalInterface
public interface VectorSource {
    /** Knows none: similarities are then as exact as the compressed vectors. */
    VectorSource NONE = (id, generation) -> Optional.empty();

    /** The vector of that id as of that generation; shared, not copied. Empty when it is not there any more. */
    Optional<float[]> vector(String id, long generation);
}
