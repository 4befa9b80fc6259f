package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/** Makes {@link SketchIndex}es that share build parameters and the executor of their rebuilds. */
public final class SketchEngine implements IndexEngine {
    /** The name in configuration. */
    public static final String NAME = "sketch";

    private final HnswParameters parameters;
    private final Executor compactor;
    private final Map<Integer, ScratchPool> scratches = new ConcurrentHashMap<>();

    /**
     * @param parameters of every graph
     * @param compactor seals and merges segments, and rebuilds those that hold too many removed entries; owned by the caller
     */
    public SketchEngine(HnswParameters parameters, Executor compactor) {
        this.parameters = parameters;
        this.compactor = compactor;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public VectorIndex create(int dimension, VectorSource source) {
        return new SketchIndex(dimension, parameters, source, compactor, scratches(dimension));
    }

    @Override
    public VectorIndex load(InputStream in, VectorSource source) throws IOException {
        SketchSnapshot snapshot = SketchSnapshot.read(
                parameters, dimension -> scratches(dimension).rotation(), in);
        return SketchIndex.of(snapshot, parameters, source, compactor, scratches(snapshot.dimension()));
    }

    /**
     * Opens the index in a directory as it was at its last commit; a new one when there was none.
     *
     * @param directory of this index alone; made when there is none
     * @param dimension components of every vector, 1 or more
     * @param source as for {@link #create}
     * @throws io.engram.index.DamagedIndexException when the manifest is damaged, of another version, or of another dimension or
     *     parameters: the directory has to be deleted and the index built anew
     * @throws IOException when a file cannot be read
     */
    public SegmentedIndex.Opened open(Path directory, int dimension, VectorSource source) throws IOException {
        return open(directory, dimension, source, SegmentedIndex.Settings.DEFAULT);
    }

    SegmentedIndex.Opened open(Path directory, int dimension, VectorSource source, SegmentedIndex.Settings settings)
            throws IOException {
        return IndexOpener.open(directory, dimension, parameters, source, compactor, scratches(dimension), settings);
    }

    private ScratchPool scratches(int dimension) {
        return scratches.computeIfAbsent(dimension, ScratchPool::new);
    }
}
