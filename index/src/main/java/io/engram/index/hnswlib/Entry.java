package io.engram.index.hnswlib;

import com.github.jelmerk.hnswlib.core.Item;

/** One vector at length 1, in the shape that hnswlib-core wants. */
record Entry(String id, long version, float[] vector) implements Item<String, float[]> {
    @Override
    public int dimensions() {
        return vector.length;
    }
}
