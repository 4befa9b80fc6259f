package io.engram.benchmarks.index;

import java.io.IOException;

/** An index under test. Vectors are numbered as in their {@link VectorSet}. One writer; searches from any thread. */
interface Contender extends AutoCloseable {
    String name();

    void add(int number, float[] vector) throws IOException;

    /** Numbers of the {@code k} nearest, best first. */
    int[] search(float[] query, int k, int ef) throws IOException;

    @Override
    void close() throws IOException;
}
