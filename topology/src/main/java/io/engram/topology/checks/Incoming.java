package io.engram.topology.checks;

import io.engram.topology.indexing.LaneProgress;
import java.util.Optional;
import org.apache.kafka.common.header.Headers;

/**
 * A record as it was taken from its lane.
 *
 * @param key absent for a null key
 * @param value absent for a null value
 * @param enqueuedAtMs when the broker appended it, epoch ms
 * @param deadlineMs enqueue time + the lane's slack
 */
record Incoming(
        LaneProgress lane,
        String topic,
        int partition,
        long offset,
        Optional<byte[]> key,
        Optional<byte[]> value,
        Headers headers,
        long enqueuedAtMs,
        long deadlineMs) {}
