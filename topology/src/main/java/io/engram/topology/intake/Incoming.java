package io.engram.topology.intake;

import io.engram.topology.format.DeferredChunk;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.rejection.RejectedRecord;
import java.util.Optional;
import org.apache.kafka.common.header.Headers;

/**
 * A record as it was taken from its lane.
 *
 * @param key absent for a null key
 * @param value absent for a null value
 * @param appendedAtMs when the broker appended it, epoch ms
 * @param deadlineMs append time + the lane's slack
 * @param latestMs nothing was appended after this time, epoch ms; {@link Long#MAX_VALUE} while nobody knows
 * @param redelivery what it was before, when it was deferred and comes again
 */
public record Incoming(
        LaneProgress lane,
        String topic,
        int partition,
        long offset,
        Optional<byte[]> key,
        Optional<byte[]> value,
        Headers headers,
        long appendedAtMs,
        long deadlineMs,
        long latestMs,
        Optional<ReturnedRecord> redelivery) {
    private static final long YEAR_2000_MS = 946_684_800_000L;

    /** When the change was first appended, epoch ms: what decides between changes of a memory. */
    public long enqueuedAtMs() {
        return redelivery.map(ReturnedRecord::enqueuedAtMs).orElse(appendedAtMs);
    }

    /**
     * Where the change was first appended on its lane: sessions tell their incarnations by it, and memories without a session
     * and an id of their own are named after it.
     */
    public long originOffset() {
        return redelivery.map(ReturnedRecord::sourceOffset).orElse(offset);
    }

    /** True for a record without a time, or with one that no broker can have given. */
    public boolean isWithoutTime() {
        return appendedAtMs < YEAR_2000_MS;
    }

    /** True when it was deferred before and has come again. */
    public boolean isRedelivered() {
        return redelivery.isPresent();
    }

    /** True when it comes again and its number is not among the open ones of its session, but was kept for it alone. */
    public boolean isUnlisted() {
        return redelivery.filter(again -> again.known().isUnlisted()).isPresent();
    }

    /** What is remembered of it when it is deferred. */
    public DeferredChunk.Entry deferred(boolean isUnlisted) {
        return new DeferredChunk.Entry(appendedAtMs, ReturnedRecord.digest(key, value), true, isUnlisted);
    }

    /** Where its rejection says that it came from. */
    public RejectedRecord.Source source() {
        return new RejectedRecord.Source(topic, partition, originOffset(), enqueuedAtMs());
    }
}
