package io.engram.topology.workers;

import io.engram.index.Batch;
import io.engram.topology.metrics.WorkerMetrics;
import java.util.List;
import java.util.Set;

/** What the workers know of the index of a space. Thread-safe. */
public interface IndexedSpace {
    /** Name of the space. */
    String space();

    /**
     * Applies tasks of this space in order, then settles each, whatever happens to it.
     *
     * @param batch of the worker, for whatever use
     */
    void apply(List<IndexTask> tasks, Batch batch, WorkerMetrics worker);

    /** Ids that are stored but could not be inserted. */
    Set<String> failedIds();

    /** Tries again what could not be inserted; returns how many are in the index now. */
    int retryFailed();
}
