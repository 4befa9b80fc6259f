package io.engram.index;

import java.util.List;

/**
 * Approximate k-nearest-neighbour search by cosine similarity over vectors of one dimension.
 *
 * <p>Every entry has an id and a generation. For one id only a rising generation changes anything: a late {@link #add}
 * or {@link #remove} of an older generation is ignored. Callers apply the changes of one id in order; changes of
 * different ids may come from several threads at once.
 *
 * <p>Thread-safe. {@link #search} never waits for an insert and may run beside all other methods; it sees every entry
 * whose {@link #add} has returned.
 */
public interface VectorIndex extends AutoCloseable {
    /** Components of every vector. */
    int dimension();

    /**
     * Adds the entry, replacing one of the same id and an older generation.
     *
     * @param vector finite, not all zero, {@link #dimension()} components; copied
     * @return false when the index holds that id with the same or a newer generation
     * @throws IllegalArgumentException when the vector has another dimension, is zero or not finite
     */
    boolean add(String id, long generation, float[] vector);

    /**
     * Adds the entries of a batch in order, as {@link #add} would. Engines override it where a batch is cheaper.
     *
     * @throws RuntimeException when one fails; entries before it are in the index, the rest may be
     */
    default void addAll(Batch batch) {
        for (int i = 0; i < batch.size(); i++) {
            add(batch.id(i), batch.generation(i), batch.vector(i));
        }
    }

    /**
     * Removes the entry of that id unless it is newer than {@code generation}.
     *
     * @return true when an entry was removed
     */
    boolean remove(String id, long generation);

    /**
     * The nearest entries, best first, at most {@code request.k()} of them.
     *
     * @throws IllegalArgumentException when the query has another dimension, is zero or not finite
     */
    List<Hit> search(SearchRequest request);

    /** Live entries. */
    int size();

    /** An estimate of the heap and direct memory that the index holds, in bytes. */
    long memoryBytes();

    /** Releases what the index holds; searches that still run may return fewer hits. */
    @Override
    void close();
}
