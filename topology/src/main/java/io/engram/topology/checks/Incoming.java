package io.engram.topology.checks;

import io.engram.topology.indexing.LaneProgress;
import java.util.Optional;
import org.apache.kafka.common.header.Headers;

/**
 * A record as it was taken from its lane.
 *
 * @param key absent for a null key
 * @param value absent for a null value
 * @param appendedAtMs when the broker appended it, epoch ms
 * @param deadlineMs append time + the lane's slack
 * @param redelivery where it was before, when it comes for another time
 */
record Incoming(
        LaneProgress lane,
        String topic,
        int partition,
        long offset,
        Optional<byte[]> key,
        Optional<byte[]> value,
        Headers headers,
        long appendedAtMs,
        long deadlineMs,
        Optional<Redelivery> redelivery) {

    /** When the change was first appended, epoch ms: what decides between changes of a memory. */
    long enqueuedAtMs() {
        return redelivery.map(Redelivery::enqueuedAtMs).orElse(appendedAtMs);
    }

    /** Where the change was first appended on its lane, as far as that is known: sessions tell their incarnations by it. */
    long originOffset() {
        return redelivery.isPresent() ? redelivery.get().sourceOffset().orElse(offset) : offset;
    }

    boolean isRedelivered() {
        return redelivery.isPresent();
    }
}
