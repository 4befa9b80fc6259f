package io.engram.benchmarks.index;

import java.io.IOException;

/**
 * An index under test. Vectors are numbered as in their {@link VectorSet}. Searches come from any thread; inserts from one,
 * unless it {@link #takesManyWriters()}.
 */
interface Contender extends AutoCloseable {
    String name();

    void add(int number, float[] vector) throws IOException;

    /** Numbers of the {@code k} nearest, best first. */
    int[] search(float[] query, int k, int ef) throws IOException;

    /** Called once the inserts are over: what an engine does when it is idle, which counts as part of them. */
    default void settle() throws IOException, InterruptedException {}

    /** False when searches see nothing until the inserts are over. */
    default boolean searchesWhileInserting() {
        return true;
    }

    default boolean takesManyWriters() {
        return false;
    }

    /** Puts all of it on the disk, if that is what it does. */
    default boolean commit() throws IOException {
        return false;
    }

    /** What is on the disk after a {@link #commit}. */
    default long diskBytes() throws IOException {
        return 0;
    }

    /** Closes it, and opens what was committed in its place. */
    default void reopen() throws IOException {}

    @Override
    void close() throws IOException;
}
