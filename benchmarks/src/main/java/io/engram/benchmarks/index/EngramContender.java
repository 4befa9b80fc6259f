package io.engram.benchmarks.index;

import io.engram.index.Hit;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import java.util.List;
import java.util.Optional;

/** One of our engines. */
final class EngramContender implements Contender {
    private final IndexEngine engine;
    private final VectorIndex index;

    EngramContender(IndexEngine engine, VectorSet vectors) {
        this.engine = engine;
        this.index =
                engine.create(vectors.dimension(), (id, generation) -> Optional.of(vectors.base()[(int) generation]));
    }

    @Override
    public String name() {
        return "engram " + engine.name();
    }

    @Override
    public void add(int number, float[] vector) {
        index.add("memory-" + number, number, vector);
    }

    @Override
    public int[] search(float[] query, int k, int ef) {
        List<Hit> hits = index.search(SearchRequest.of(query, k, ef));
        return hits.stream().mapToInt(hit -> (int) hit.generation()).toArray();
    }

    @Override
    public void close() {
        index.close();
    }
}
