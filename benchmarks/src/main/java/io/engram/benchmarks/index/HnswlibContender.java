package io.engram.benchmarks.index;

import com.github.jelmerk.hnswlib.core.DistanceFunctions;
import com.github.jelmerk.hnswlib.core.Item;
import com.github.jelmerk.hnswlib.core.SearchResult;
import com.github.jelmerk.hnswlib.core.hnsw.HnswIndex;
import io.engram.index.HnswParameters;
import io.engram.index.Vectors;
import java.util.List;

/** hnswlib-core as it comes: float vectors of length 1, inner product. */
final class HnswlibContender implements Contender {
    private final HnswIndex<Integer, float[], Numbered, Float> index;

    private record Numbered(Integer id, float[] vector) implements Item<Integer, float[]> {
        private static final long serialVersionUID = 1L;

        @Override
        public int dimensions() {
            return vector.length;
        }
    }

    HnswlibContender(HnswParameters parameters, int dimension, int count) {
        index = HnswIndex.newBuilder(dimension, DistanceFunctions.FLOAT_INNER_PRODUCT, count)
                .withM(parameters.m())
                .withEfConstruction(parameters.efConstruction())
                .build();
    }

    @Override
    public String name() {
        return "hnswlib-core";
    }

    @Override
    public void add(int number, float[] vector) {
        index.add(new Numbered(number, Vectors.normalised(vector)));
    }

    @Override
    public int[] search(float[] query, int k, int ef) {
        index.setEf(ef);
        List<SearchResult<Numbered, Float>> found = index.findNearest(Vectors.normalised(query), k);
        return found.stream().mapToInt(result -> result.item().id()).toArray();
    }

    @Override
    public void close() {
        // Heap only.
    }
}
