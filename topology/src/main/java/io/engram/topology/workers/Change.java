package io.engram.topology.workers;

/**
 * A stored change that the index is to follow.
 *
 * @param id the memory's id
 * @param generation of the change
 * @param embedding what to insert; empty when the memory was forgotten
 * @param deadlineMs enqueue time + the lane's slack, epoch ms
 * @param enqueuedAtMs epoch ms
 * @param sourceOffset in its lane's partition
 */
public record Change(
        String id, long generation, float[] embedding, long deadlineMs, long enqueuedAtMs, long sourceOffset) {}
