package io.engram.benchmarks.index;

import io.engram.index.HnswParameters;
import io.github.jbellis.jvector.graph.GraphIndexBuilder;
import io.github.jbellis.jvector.graph.GraphSearcher;
import io.github.jbellis.jvector.graph.ListRandomAccessVectorValues;
import io.github.jbellis.jvector.graph.RandomAccessVectorValues;
import io.github.jbellis.jvector.graph.SearchResult;
import io.github.jbellis.jvector.util.Bits;
import io.github.jbellis.jvector.vector.VectorSimilarityFunction;
import io.github.jbellis.jvector.vector.VectorizationProvider;
import io.github.jbellis.jvector.vector.types.VectorFloat;
import io.github.jbellis.jvector.vector.types.VectorTypeSupport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** JVector's graph, filled by the calling thread; 2M links per node on the base layer as in HNSW, M on those above. */
final class JVectorContender implements Contender {
    private static final float OVERFLOW = 1.2f;
    private static final float ALPHA = 1.2f;
    private static final int LAYERS = 6;

    private final VectorTypeSupport types = VectorizationProvider.getInstance().getVectorTypeSupport();
    private final List<VectorFloat<?>> added = new ArrayList<>();
    private final RandomAccessVectorValues values;
    private final GraphIndexBuilder builder;

    JVectorContender(HnswParameters parameters, int dimension) {
        values = new ListRandomAccessVectorValues(added, dimension);
        List<Integer> degrees = new ArrayList<>();
        degrees.add(2 * parameters.m());
        for (int layer = 1; layer < LAYERS; layer++) {
            degrees.add(parameters.m());
        }
        builder = GraphIndexBuilder.builder(values, VectorSimilarityFunction.COSINE, degrees)
                .withBeamWidth(parameters.efConstruction())
                .withNeighborOverflow(OVERFLOW)
                .withAlpha(ALPHA)
                .build();
    }

    @Override
    public String name() {
        return "JVector";
    }

    @Override
    public void add(int number, float[] vector) {
        VectorFloat<?> typed = types.createFloatVector(vector);
        added.add(typed);
        builder.addGraphNode(number, typed);
    }

    @Override
    public int[] search(float[] query, int k, int ef) {
        SearchResult found = GraphSearcher.search(
                types.createFloatVector(query),
                k,
                ef,
                values,
                VectorSimilarityFunction.COSINE,
                builder.getGraph(),
                Bits.ALL);
        int[] numbers = new int[found.getNodes().length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = found.getNodes()[i].node;
        }
        return numbers;
    }

    @Override
    public void close() throws IOException {
        builder.close();
    }
}
