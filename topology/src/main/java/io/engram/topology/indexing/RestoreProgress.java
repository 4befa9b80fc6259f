package io.engram.topology.indexing;

import io.engram.topology.metrics.SnapshotMetrics;
import java.util.concurrent.atomic.LongAdder;

/** What became of a partition's index while it is being completed. Counts until {@link #finish}. Thread-safe. */
final class RestoreProgress {
    private final SnapshotMetrics metrics;
    private final LongAdder takenOver = new LongAdder();
    private final LongAdder confirmed = new LongAdder();
    private final LongAdder inserted = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private volatile boolean finished;

    RestoreProgress(SnapshotMetrics metrics) {
        this.metrics = metrics;
    }

    void takenOver(int memories) {
        takenOver.add(memories);
        metrics.takenOver(memories);
    }

    void confirmed() {
        if (!finished) {
            confirmed.increment();
            metrics.confirmed();
        }
    }

    void inserted() {
        if (!finished) {
            inserted.increment();
            metrics.inserted();
        }
    }

    void dropped() {
        if (!finished) {
            dropped.increment();
            metrics.dropped();
        }
    }

    void finish() {
        finished = true;
    }

    boolean isFinished() {
        return finished;
    }

    long done() {
        return takenOver.sum() + confirmed.sum() + inserted.sum();
    }

    @Override
    public String toString() {
        return takenOver.sum() + " memories taken over, " + confirmed.sum() + " confirmed, " + inserted.sum()
                + " inserted, " + dropped.sum() + " dropped";
    }
}
