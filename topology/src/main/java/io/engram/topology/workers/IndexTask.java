package io.engram.topology.workers;

import io.engram.topology.metrics.SpaceMetrics;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.RestoreProgress;

/**
 * A reference to a change that waits for the index: about a hundred bytes, and the embedding while there is room for it.
 */
public final class IndexTask {
    /** What to do with the id. */
    public enum Kind {
        /** Insert the embedding. */
        ADD,
        /** Take the id out of the index. */
        REMOVE,
        /** Make the index agree with the store. */
        SYNC
    }

    /** Heap that a waiting reference takes, without its id and embedding: an estimate, bytes. */
    static final int REFERENCE_BYTES = 80;

    /** How long a background task may wait for live ones. */
    private static final long BACKGROUND_SLACK_MS = 2_000;

    private static final float[] NOT_CACHED = {};

    private final IndexedSpace space;
    private final Kind kind;
    private final String id;
    private final long generation;
    private final long deadlineMs;
    private final long enqueuedAtMs;
    private final LaneProgress progress;
    private final RestoreProgress restore;
    private final int epoch;
    private final long sourceOffset;
    private final float[] embedding;

    private IndexTask(
            IndexedSpace space,
            Kind kind,
            String id,
            long generation,
            long deadlineMs,
            long enqueuedAtMs,
            LaneProgress progress,
            RestoreProgress restore,
            int epoch,
            long sourceOffset,
            float[] embedding) {
        this.space = space;
        this.kind = kind;
        this.id = id;
        this.generation = generation;
        this.deadlineMs = deadlineMs;
        this.enqueuedAtMs = enqueuedAtMs;
        this.progress = progress;
        this.restore = restore;
        this.epoch = epoch;
        this.sourceOffset = sourceOffset;
        this.embedding = embedding;
    }

    /** A change from a lane; it moves the lane's progress when it is done. */
    public static IndexTask live(
            IndexedSpace space, Kind kind, Change change, LaneProgress progress, boolean cacheEmbedding) {
        return new IndexTask(
                space,
                kind,
                change.id(),
                change.generation(),
                change.deadlineMs(),
                change.enqueuedAtMs(),
                progress,
                null,
                0,
                change.sourceOffset(),
                cacheEmbedding ? change.embedding() : NOT_CACHED);
    }

    /** A change that is read back from the store while loading, restoring or repairing; live ones of the next seconds come
     * first, but a long queue of them cannot hold it up for ever.
     */
    public static IndexTask background(
            IndexedSpace space, String id, long generation, long nowMs, RestoreProgress restore, int epoch) {
        return new IndexTask(
                space, Kind.SYNC, id, generation, nowMs + BACKGROUND_SLACK_MS, 0, null, restore, epoch, 0, NOT_CACHED);
    }

    /** The same without its embedding, to be kept after the task itself is finished and no longer counted. */
    public IndexTask withoutEmbedding() {
        return new IndexTask(
                space,
                kind,
                id,
                generation,
                deadlineMs,
                enqueuedAtMs,
                progress,
                restore,
                epoch,
                sourceOffset,
                NOT_CACHED);
    }

    /** True when both are the same change, with its embedding or without. */
    public boolean isSame(IndexTask that) {
        return kind == that.kind
                && generation == that.generation
                && progress == that.progress
                && sourceOffset == that.sourceOffset
                && epoch == that.epoch
                && id.equals(that.id);
    }

    /** Where the change is to be made. */
    public IndexedSpace space() {
        return space;
    }

    /** What to do with the id. */
    public Kind kind() {
        return kind;
    }

    /** Of the memory. */
    public String id() {
        return id;
    }

    /** Of the change; 0 when it does not matter. */
    public long generation() {
        return generation;
    }

    /** When it is urgent, epoch ms. */
    long deadlineMs() {
        return deadlineMs;
    }

    /** True for a change from a lane. */
    public boolean isLive() {
        return progress != null;
    }

    /** Of a background task. */
    public RestoreProgress restore() {
        return restore;
    }

    /** Of a background task. */
    public int epoch() {
        return epoch;
    }

    /** True when the embedding need not be read from the store. */
    public boolean hasEmbedding() {
        return embedding.length > 0;
    }

    /** What to insert; empty when it is to be read from the store. */
    public float[] embedding() {
        return embedding;
    }

    long memoryBytes() {
        return REFERENCE_BYTES + 2L * id.length() + (long) embedding.length * Float.BYTES;
    }

    /** The change is recallable, or was overtaken by a newer one. */
    public void done() {
        if (isLive()) {
            progress.done(sourceOffset);
        }
    }

    /** The observation entered the index. */
    public void countInserted(SpaceMetrics metrics, long nowMs) {
        if (isLive() && kind == Kind.ADD) {
            metrics.observed(progress.lane(), Math.max(0, nowMs - enqueuedAtMs) / 1_000.0);
        }
    }
}
