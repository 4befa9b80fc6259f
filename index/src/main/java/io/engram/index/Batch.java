package io.engram.index;

import java.util.Arrays;

/** Entries to add together, as parallel arrays; reused from batch to batch. Not thread-safe. */
public final class Batch {
    private String[] ids = new String[16];
    private long[] generations = new long[16];
    private float[][] vectors = new float[16][];
    private int size;

    /** Appends an entry; the vector is not copied. */
    public void add(String id, long generation, float[] vector) {
        if (size == ids.length) {
            ids = Arrays.copyOf(ids, size * 2);
            generations = Arrays.copyOf(generations, size * 2);
            vectors = Arrays.copyOf(vectors, size * 2);
        }
        ids[size] = id;
        generations[size] = generation;
        vectors[size] = vector;
        size++;
    }

    public int size() {
        return size;
    }

    public String id(int i) {
        return ids[i];
    }

    public long generation(int i) {
        return generations[i];
    }

    public float[] vector(int i) {
        return vectors[i];
    }

    /** Empties the batch for the next use. */
    public void clear() {
        Arrays.fill(ids, 0, size, null);
        Arrays.fill(vectors, 0, size, null);
        size = 0;
    }
}
