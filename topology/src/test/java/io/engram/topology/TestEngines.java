package io.engram.topology;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.hnswlib.HnswlibEngine;
import io.engram.index.sketch.SketchEngine;

/** The engine that tests run with: {@code sketch}, or what {@code ENGRAM_INDEX_ENGINE} names, as for an instance. */
public final class TestEngines {
    private TestEngines() {}

    public static IndexEngine create() {
        return create(HnswParameters.DEFAULT);
    }

    public static IndexEngine create(HnswParameters parameters) {
        String name = System.getenv().getOrDefault("ENGRAM_INDEX_ENGINE", SketchEngine.NAME);
        return switch (name) {
            case SketchEngine.NAME -> new SketchEngine(parameters, Runnable::run);
            case HnswlibEngine.NAME -> new HnswlibEngine(parameters, Runnable::run);
            default -> throw new IllegalArgumentException("ENGRAM_INDEX_ENGINE names no engine: " + name);
        };
    }
}
