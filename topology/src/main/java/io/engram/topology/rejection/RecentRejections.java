package io.engram.topology.rejection;

import io.engram.schemas.RejectionReason;
import io.engram.topology.admission.LaneDepths.LanePartition;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** The latest rejections of this instance by source offset, for whoever waits for the fate of a record. Thread-safe. */
public final class RecentRejections {
    private static final int CAPACITY = 10_000;

    /**
     * Why a record was rejected.
     *
     * @param retryAfterMs with {@code over_capacity}
     */
    public record Rejection(RejectionReason reason, String detail, OptionalLong retryAfterMs) {}

    private record Key(LanePartition partition, long offset) {}

    private final Map<Key, Rejection> latest = new LinkedHashMap<>();
    private final Map<LanePartition, Long> forgottenUpTo = new HashMap<>();

    /** The record at that offset was rejected. */
    public synchronized void note(LanePartition partition, long offset, RejectedRecord rejection) {
        latest.put(
                new Key(partition, offset),
                new Rejection(rejection.reason(), rejection.detail(), rejection.retryAfterMs()));
        if (latest.size() > CAPACITY) {
            Key oldest = latest.keySet().iterator().next();
            latest.remove(oldest);
            forgottenUpTo.merge(oldest.partition(), oldest.offset(), Math::max);
        }
    }

    /** The partition starts here: what was noted of it may have been undone with its transaction. */
    public synchronized void started(LanePartition partition) {
        latest.keySet().removeIf(key -> key.partition().equals(partition));
        forgottenUpTo.remove(partition);
    }

    /** True when a rejection of that offset would still be known. */
    public synchronized boolean remembers(LanePartition partition, long offset) {
        return offset > forgottenUpTo.getOrDefault(partition, -1L);
    }

    /** Why the record at that offset was rejected, if it was, lately. */
    public synchronized Optional<Rejection> of(LanePartition partition, long offset) {
        return Optional.ofNullable(latest.get(new Key(partition, offset)));
    }
}
