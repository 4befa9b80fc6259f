package io.engram.benchmarks.index;

import io.engram.benchmarks.TemporaryDirectory;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.hnswlib.HnswlibEngine;
import io.engram.index.sketch.SketchEngine;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** 2,000 inserts into an index of 10,000 vectors of 768 dimensions; that all are there is checked after each round. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5)
@Measurement(iterations = 10)
@Fork(1)
public class InsertBenchmark {
    private static final int BEFORE = 10_000;
    private static final int INSERTS = 2_000;
    private static final int DIMENSION = 768;

    @Param({"sketch", "hnswlib"})
    private String engine;

    private VectorSet vectors;
    private TemporaryDirectory directory;
    private VectorIndex index;

    @Setup
    public void generate() {
        vectors = VectorSet.clustered(BEFORE + INSERTS, DIMENSION, 1);
    }

    @Setup(Level.Iteration)
    public void fill() throws IOException {
        IndexEngine made = engine.equals(SketchEngine.NAME)
                ? new SketchEngine(HnswParameters.DEFAULT, Runnable::run)
                : new HnswlibEngine(HnswParameters.DEFAULT, Runnable::run);
        directory = TemporaryDirectory.create("engram-bench-index-");
        index = made.open(
                        directory.path(), DIMENSION, (id, generation) -> Optional.of(vectors.base()[(int) generation]))
                .index();
        add(0, BEFORE);
    }

    private void add(int from, int to) {
        for (int i = from; i < to; i++) {
            index.add("memory-" + i, i, vectors.base()[i]);
        }
    }

    @Benchmark
    public int insert() {
        add(BEFORE, BEFORE + INSERTS);
        return index.size();
    }

    @TearDown(Level.Iteration)
    public void check() throws IOException {
        if (index.size() != BEFORE + INSERTS) {
            throw new IllegalStateException("only " + index.size() + " are in the index");
        }
        index.close();
        directory.close();
    }
}
