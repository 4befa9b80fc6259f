package io.engram.benchmarks.index;

import io.engram.benchmarks.TemporaryDirectory;
import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.hnswlib.HnswlibEngine;
import io.engram.index.sketch.SketchEngine;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One search among 20,000 vectors of 768 dimensions; recall@10 is checked before anything is timed. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class SearchBenchmark {
    private static final int COUNT = 20_000;
    private static final int DIMENSION = 768;
    private static final int K = 10;
    private static final double MIN_RECALL = 0.95;

    @Param({"sketch", "hnswlib"})
    private String engine;

    @Param({"50", "100", "200"})
    private int accuracy;

    private VectorSet vectors;
    private TemporaryDirectory directory;
    private VectorIndex index;
    private int next;

    @Setup
    public void fill() throws IOException {
        vectors = VectorSet.clustered(COUNT, DIMENSION, 1);
        IndexEngine made = engine.equals(SketchEngine.NAME)
                ? new SketchEngine(HnswParameters.DEFAULT, Runnable::run)
                : new HnswlibEngine(HnswParameters.DEFAULT, Runnable::run);
        directory = TemporaryDirectory.create("engram-bench-index-");
        index = made.open(
                        directory.path(), DIMENSION, (id, generation) -> Optional.of(vectors.base()[(int) generation]))
                .index();
        for (int i = 0; i < COUNT; i++) {
            index.add("memory-" + i, i, vectors.base()[i]);
        }
        index.seal();
        int[][] found = new int[vectors.queries().length][];
        for (int q = 0; q < found.length; q++) {
            found[q] =
                    search(q).stream().mapToInt(hit -> (int) hit.generation()).toArray();
        }
        double recall = new ExactNeighbours(vectors, K).recall(found);
        if (recall < MIN_RECALL) {
            throw new IllegalStateException("recall@10 is " + recall);
        }
    }

    @TearDown
    public void close() throws IOException {
        index.close();
        directory.close();
    }

    private List<Hit> search(int query) {
        return index.search(SearchRequest.of(vectors.queries()[query], K, accuracy));
    }

    @Benchmark
    public List<Hit> search() {
        next = (next + 1) % vectors.queries().length;
        return search(next);
    }
}
