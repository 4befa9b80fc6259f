package io.engram.index.hnswlib;

import com.github.jelmerk.hnswlib.core.DistanceFunction;
import io.engram.index.Vectors;

/** Closer is smaller, as the library wants it: 1 - cosine of unit vectors. An enum, so that a saved graph names it only. */
enum UnitDistance implements DistanceFunction<float[], Float> {
    INSTANCE;

    @Override
    public Float distance(float[] a, float[] b) {
        return 1f - Vectors.dot(a, b);
    }
}
