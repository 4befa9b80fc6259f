package io.engram.topology.intake;

import io.engram.schemas.Lane;
import io.engram.topology.format.DeferredChunk;
import io.engram.topology.store.DeferredChunks;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which records of a partition were deferred: rejected in a way that sending the same bytes again may undo. They are in the
 * topic of rejections, and only they count as redelivered when they come again, whatever headers another record carries.
 *
 * <pre>
 * shed → add → waiting ──── came back, was decided ───→ settled: another copy is nothing
 *                 └───── retention of the topic of rejections ─────┴→ unknown: a record like any other
 * </pre>
 *
 * In the store, and so in its changelog and on standbys. Belongs to the stream thread.
 */
public final class DeferredOffsets {
    private static final int STEP = 250;

    /** Where the look over a lane's chunks stands. */
    private static final class Front {
        // No chunk is left before it.
        long first;
        // No chunk before it has a record that waits.
        long waiting;
        Optional<Long> oldestWaitingMs = Optional.empty();
    }

    private final DeferredChunks chunks;
    private final long retentionMs;
    private final Map<Lane, Front> fronts = new EnumMap<>(Lane.class);

    /**
     * @param retentionMs of the topic of rejections
     */
    public DeferredOffsets(DeferredChunks chunks, long retentionMs) {
        this.chunks = chunks;
        this.retentionMs = retentionMs;
        Lane.ALL.forEach(lane -> fronts.put(lane, new Front()));
    }

    /** What is known of a source offset. */
    Optional<DeferredChunk.Entry> find(Lane lane, long offset) {
        return offset < 0
                ? Optional.empty()
                : chunks.find(lane, DeferredChunk.numberOf(offset)).flatMap(chunk -> chunk.find(offset));
    }

    /**
     * A record was rejected and may come back.
     *
     * @param nowMs the broker's time, as far as it is known here; epoch ms
     */
    public void add(Lane lane, long offset, DeferredChunk.Entry entry, long nowMs) {
        long number = DeferredChunk.numberOf(offset);
        DeferredChunk chunk = chunks.find(lane, number).orElse(DeferredChunk.EMPTY);
        chunks.put(lane, number, chunk.with(offset, entry, nowMs));
        Front front = fronts.get(lane);
        front.first = Math.min(front.first, number);
        front.waiting = Math.min(front.waiting, number);
    }

    /** The record came back and is decided: whatever else comes of it is a copy. */
    public void settle(Lane lane, long offset) {
        long number = DeferredChunk.numberOf(offset);
        chunks.find(lane, number).ifPresent(chunk -> chunks.put(lane, number, chunk.settled(offset)));
    }

    /**
     * Deletes some of what the topic of rejections does not hold any more, and looks for the oldest that waits.
     *
     * @param nowMs the broker's time, as far as it is known here; epoch ms
     */
    public void sweep(long nowMs) {
        fronts.forEach((lane, front) -> {
            expire(lane, front, nowMs);
            seek(lane, front);
        });
    }

    private void expire(Lane lane, Front front, long nowMs) {
        List<Long> expired = new ArrayList<>();
        chunks.scan(lane, front.first, STEP, (number, chunk) -> {
            boolean isExpired = nowMs - chunk.lastDeferredAtMs() > retentionMs;
            front.first = isExpired ? number + 1 : number;
            if (isExpired) {
                expired.add(number);
            }
            return isExpired;
        });
        expired.forEach(number -> chunks.delete(lane, number));
    }

    private void seek(Lane lane, Front front) {
        front.waiting = Math.max(front.waiting, front.first);
        front.oldestWaitingMs = Optional.empty();
        int seen = chunks.scan(lane, front.waiting, STEP, (number, chunk) -> {
            Optional<Long> oldest = chunk.oldestWaitingMs();
            front.waiting = oldest.isPresent() ? number : number + 1;
            // Appended in order: what follows is no older than what was looked at last.
            front.oldestWaitingMs = oldest.or(() -> Optional.of(chunk.firstEnqueuedAtMs()));
            return oldest.isEmpty();
        });
        if (seen < STEP && !isWaiting(lane, front)) {
            front.oldestWaitingMs = Optional.empty();
        }
    }

    private boolean isWaiting(Lane lane, Front front) {
        return chunks.find(lane, front.waiting)
                .flatMap(DeferredChunk::oldestWaitingMs)
                .isPresent();
    }

    /**
     * No record that was enqueued before this time waits, as of the last {@link #sweep}; empty when none waits at all.
     */
    public Optional<Long> oldestWaitingMs() {
        return fronts.values().stream()
                .flatMap(front -> front.oldestWaitingMs.stream())
                .min(Long::compare);
    }
}
