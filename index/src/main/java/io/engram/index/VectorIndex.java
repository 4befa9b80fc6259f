package io.engram.index;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Set;

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

    /** Ids of the live entries: a view that may change while it is read. */
    Set<String> ids();

    /**
     * True when the index holds that id with exactly that generation and direction: adding it again would change nothing.
     *
     * @param vector of this index's dimension
     */
    boolean holds(String id, long generation, float[] vector);

    /**
     * Writes a snapshot for {@link IndexEngine#load}. Searches go on meanwhile, changes may wait for a part of it.
     *
     * @param out buffered by the caller, and not closed here
     */
    void save(OutputStream out) throws IOException;

    /** An estimate of the heap and direct memory that the index holds, in bytes. */
    long memoryBytes();

    /** Releases what the index holds; searches that still run may return fewer hits. */
    @Override
    void close();
}
