package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndexContract;

class SketchIndexTest extends VectorIndexContract {
    @Override
    protected IndexEngine engine() {
        return new SketchEngine(HnswParameters.DEFAULT, Runnable::run);
    }
}
