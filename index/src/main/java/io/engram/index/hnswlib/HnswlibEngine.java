package io.engram.index.hnswlib;

import io.engram.index.DirectoryLocks;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;

/** Makes {@link HnswlibIndex}es that share build parameters and the executor of their compactions. */
public final class HnswlibEngine implements IndexEngine {
    /** The name in configuration. */
    public static final String NAME = "hnswlib";

    private final HnswParameters parameters;
    private final Executor compactor;
    private final DirectoryLocks locks = new DirectoryLocks();

    /**
     * @param parameters of every graph
     * @param compactor runs rebuilds of graphs that hold too many removed entries; owned by the caller
     */
    public HnswlibEngine(HnswParameters parameters, Executor compactor) {
        this.parameters = parameters;
        this.compactor = compactor;
    }

    @Override
    public String name() {
        return NAME;
    }

    /** An {@link HnswlibIndex}, which is read into the heap. */
    @Override
    public OpenedIndex open(Path directory, int dimension, VectorSource source) throws IOException {
        if (dimension < 1) {
            throw new IllegalArgumentException("dimension < 1: " + dimension);
        }
        DirectoryLocks.Held lock = locks.lock(directory);
        try {
            return open(new HnswlibDirectory(lock, parameters), dimension);
        } catch (IOException | RuntimeException | Error e) {
            lock.close();
            throw e;
        }
    }

    private OpenedIndex open(HnswlibDirectory directory, int dimension) throws IOException {
        Optional<HnswlibFile.Content> found = directory.read(dimension);
        HnswlibIndex index = found.isPresent()
                ? directory.restored(found.get().snapshot(), compactor)
                : new HnswlibIndex(dimension, parameters, compactor, directory);
        return new OpenedIndex(index, found.map(content -> content.userData().clone()), List.of());
    }
}
