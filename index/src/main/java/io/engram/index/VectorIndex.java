package io.engram.index;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;

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
    /** What a {@link #commit} takes of the caller's data. */
    int MAX_USER_DATA_BYTES = 1 << 28;

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

    /** The generation of the live entry of that id; none when there is none. */
    OptionalLong generation(String id);

    /**
     * True when the index holds that id with exactly that generation and direction: adding it again would change nothing.
     *
     * @param vector of this index's dimension
     */
    boolean holds(String id, long generation, float[] vector);

    /**
     * Makes the index as it is, and the user data, what {@link IndexEngine#open} finds in the directory: every change that
     * had returned before this began is in it. It is then on the disk, whatever happens to the process or the machine. Writes
     * nothing when neither the index nor the user data changed since the last commit. Searches go on meanwhile; changes may
     * wait for a part of it.
     *
     * @param userData is asked once no more changes enter what is saved: it can tell which may be in it; given back at open; up
     *     to {@link #MAX_USER_DATA_BYTES}
     * @throws IllegalArgumentException when there is more user data
     * @throws IllegalStateException when the index is closed
     * @throws IOException when a file cannot be written; what is opened next is then this commit or the one before, the index
     *     goes on, and the next commit writes all of it
     */
    void commit(Supplier<byte[]> userData) throws IOException;

    /** As {@link #commit(Supplier)}, with user data that depends on nothing; copied. */
    default void commit(byte[] userData) throws IOException {
        commit(userData::clone);
    }

    /**
     * Gives entries that are in the heap a file, where the engine has such, so that they need no heap any more; worth while
     * when nothing is added for long.
     *
     * @throws IOException when a file cannot be written; the entries stay in the heap
     */
    default void seal() throws IOException {}

    /** Reads what every search needs of the files into the page cache, where the engine searches files. */
    default void warm() {}

    /**
     * Reads the files that are searched, and those of the last commit whose entries are in the heap, and compares checksums.
     * Takes as long as reading them does.
     *
     * @return what is damaged; it is served until it is {@link #drop}ped
     * @throws java.io.UncheckedIOException when a file cannot be read
     */
    List<DamagedSegment> verify();

    /**
     * Takes a damaged segment out of the index, so that what it held can be added again. Entries that are in
     * the heap stay, and the next commit writes their file anew.
     */
    void drop(DamagedSegment damaged);

    /**
     * Why work on files in the background failed the last time that it was tried: the disk, or a damaged file, which
     * {@link #verify} names. None of the index is lost for it.
     */
    default Optional<IOException> failure() {
        return Optional.empty();
    }

    /** An estimate of the heap and direct memory that the index holds, in bytes. */
    long memoryBytes();

    /**
     * Releases what the index holds; searches that still run may return fewer hits. Does not commit. Waits until nothing writes
     * to the directory any more, which others may open then.
     */
    @Override
    void close();
}
