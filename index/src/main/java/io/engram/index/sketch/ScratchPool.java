package io.engram.index.sketch;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * What all indexes of one dimension share: the rotation, and working memory, of which there is one for each thread that is
 * at work at a time. Thread-safe.
 */
final class ScratchPool {
    private final Rotation rotation;
    private final Queue<Scratch> free = new ConcurrentLinkedQueue<>();

    ScratchPool(int dimension) {
        this.rotation = new Rotation(dimension);
    }

    Rotation rotation() {
        return rotation;
    }

    /** Working memory for one thread, until it is given {@link #back}. */
    Scratch borrow() {
        Scratch pooled = free.poll();
        return pooled == null ? new Scratch(rotation) : pooled;
    }

    void back(Scratch scratch) {
        free.add(scratch);
    }
}
