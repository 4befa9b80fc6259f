package io.engram.topology.progress;

import io.engram.topology.metrics.SnapshotMetrics;
import java.util.concurrent.atomic.LongAdder;

/** What became of a partition's index while it is being completed. Counts until {@link #finish}. Thread-safe. */
public final class RestoreProgress {
    private final SnapshotMetrics metrics;
    private final LongAdder takenOver = new LongAdder();
    private final LongAdder confirmed = new LongAdder();
    private final LongAdder inserted = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private volatile boolean finished;

    public RestoreProgress(SnapshotMetrics metrics) {
        this.metrics = metrics;
    }

    public void takenOver(int memories) {
        takenOver.add(memories);
        metrics.takenOver(memories);
    }

    public void confirmed() {
        if (!finished) {
            confirmed.increment();
            metrics.confirmed();
        }
    }

    public void inserted() {
        if (!finished) {
            inserted.increment();
            metrics.inserted();
        }
    }

    public void dropped() {
        if (!finished) {
            dropped.increment();
            metrics.dropped();
        }
    }

    public void finish() {
        finished = true;
    }

    public boolean isFinished() {
        return finished;
    }

    public long done() {
        return takenOver.sum() + confirmed.sum() + inserted.sum();
    }

    @Override
    public String toString() {
        return takenOver.sum() + " memories taken over, " + confirmed.sum() + " confirmed, " + inserted.sum()
                + " inserted, " + dropped.sum() + " dropped";
    }
}
