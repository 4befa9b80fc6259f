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
    private final LongAdder compared = new LongAdder();
    private volatile boolean finished;

    public RestoreProgress(SnapshotMetrics metrics) {
        this.metrics = metrics;
    }

    /** That many memories were in files that were opened. */
    public void takenOver(int memories) {
        takenOver.add(memories);
        metrics.takenOver(memories);
    }

    /** The store has a memory just as the files had it. */
    public void confirmed() {
        if (!finished) {
            confirmed.increment();
            metrics.confirmed();
        }
    }

    /** A memory was in the store and not, or not so, in the files. */
    public void inserted() {
        if (!finished) {
            inserted.increment();
            metrics.inserted();
        }
    }

    /** A memory was in the files and is no longer in the store. */
    public void dropped() {
        if (!finished) {
            dropped.increment();
            metrics.dropped();
        }
    }

    /** The index of an id was compared with what the store has of it: all of an opening that is done once for each memory. */
    public void compared() {
        if (!finished) {
            compared.increment();
        }
    }

    /** The index is complete: nothing counts any more. */
    public void finish() {
        finished = true;
    }

    public boolean isFinished() {
        return finished;
    }

    /** Memories that are in the index. */
    public long done() {
        return takenOver.sum() + confirmed.sum() + inserted.sum();
    }

    /** True when nothing was read or opened for it. */
    public boolean isEmpty() {
        return done() + dropped.sum() == 0;
    }

    @Override
    public String toString() {
        return takenOver.sum() + " memories taken over, " + confirmed.sum() + " confirmed, " + inserted.sum()
                + " inserted, " + dropped.sum() + " dropped; " + compared.sum() + " compared";
    }
}
