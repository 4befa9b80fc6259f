package io.engram.topology.metrics;

import java.util.function.IntSupplier;

/**
 * What one index adds to {@code engram_hnsw_index_size}: the differences, so that a scrape does not ask every index.
 * Thread-safe.
 */
public final class IndexSeries implements AutoCloseable {
    private final EngramMetrics catalogue;
    private final String space;
    private final IntSupplier size;
    private int reported;
    private boolean closed;

    /**
     * @param size of the index, in memories
     */
    public IndexSeries(EngramMetrics catalogue, String space, IntSupplier size) {
        this.catalogue = catalogue;
        this.space = space;
        this.size = size;
    }

    /** The index may have another size now. */
    public synchronized void update() {
        if (!closed) {
            report(size.getAsInt());
        }
    }

    private void report(int now) {
        if (now == reported) {
            return;
        }
        catalogue.indexSizeChanged(space, (long) now - reported);
        reported = now;
    }

    /** The index no longer counts, whatever it still holds. */
    @Override
    public synchronized void close() {
        closed = true;
        report(0);
    }
}
