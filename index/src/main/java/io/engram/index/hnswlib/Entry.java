package io.engram.index.hnswlib;

import com.github.jelmerk.hnswlib.core.Item;

/**
 * One vector at length 1, in the shape that hnswlib-core wants.
 *
 * @param version rises with every entry made: the library keeps the highest of an id, whatever the generations
 */
record Entry(String id, long generation, long version, float[] vector) implements Item<String, float[]> {
    @Override
    public int dimensions() {
        return vector.length;
    }
}
