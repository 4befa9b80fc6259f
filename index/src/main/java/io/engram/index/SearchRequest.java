package io.engram.index;

import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * A query of a {@link VectorIndex}.
 *
 * @param vector what to look for; shared, not copied
 * @param k how many entries at most, 1 or more
 * @param accuracy the beam width of a graph search ("ef"), 1 or more: higher finds more of the true neighbours and takes
 *     longer
 * @param filter entries that may be returned
 * @param maxGeneration entries of a later generation are invisible; {@link Long#MAX_VALUE} shows all
 * @param originals where the caller has original vectors read, by the searching thread alone; empty for where the index
 *     has them read
 * @param isOver asked now and then while searching: once it is true, the search ends with what it has found
 */
public record SearchRequest(
        float[] vector,
        int k,
        int accuracy,
        EntryFilter filter,
        long maxGeneration,
        Optional<VectorSource> originals,
        BooleanSupplier isOver) {
    private static final BooleanSupplier NEVER = () -> false;

    public SearchRequest {
        Objects.requireNonNull(vector, "vector");
        Objects.requireNonNull(filter, "filter");
        Objects.requireNonNull(originals, "originals");
        Objects.requireNonNull(isOver, "isOver");
        if (k < 1) {
            throw new IllegalArgumentException("k < 1: " + k);
        }
        if (accuracy < 1) {
            throw new IllegalArgumentException("accuracy < 1: " + accuracy);
        }
    }

    /** A query that takes as long as it takes. */
    public SearchRequest(float[] vector, int k, int accuracy, EntryFilter filter, long maxGeneration) {
        this(vector, k, accuracy, filter, maxGeneration, Optional.empty(), NEVER);
    }

    /** A query of all entries. */
    public static SearchRequest of(float[] vector, int k, int accuracy) {
        return new SearchRequest(vector, k, accuracy, EntryFilter.ALL, Long.MAX_VALUE);
    }

    /** True when the entry may be returned. */
    public boolean admits(String id, long generation) {
        return generation <= maxGeneration && filter.admits(id);
    }
}
