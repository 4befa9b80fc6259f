package io.engram.app.query;

import io.engram.schemas.Lane;
import io.engram.topology.recall.MetadataFilter;
import io.engram.topology.recall.RecallRequest;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a recall asks for, whatever the space.
 *
 * @param minOffsets by {@code lane-partition}: wait until these source offsets are indexed
 * @param timeoutMs how long the whole may take
 */
public record RecallParameters(
        float[] vector,
        int k,
        double minSimilarity,
        MetadataFilter filter,
        int accuracy,
        Consistency consistency,
        Map<String, Long> minOffsets,
        long timeoutMs) {

    /** Which memories are visible. */
    public enum Consistency {
        /** Everything that is indexed. */
        RECENT,
        /** What is committed. */
        COMMITTED
    }

    /** The same for one of several spaces: only its partition's offsets, and what is left of the time. */
    public RecallParameters of(int partition, long leftMs) {
        Map<String, Long> own = new HashMap<>(minOffsets);
        own.keySet().removeIf(lane -> !lane.endsWith("-" + partition));
        return new RecallParameters(vector, k, minSimilarity, filter, accuracy, consistency, own, leftMs);
    }

    RecallRequest request(String space, Optional<Map<Lane, Long>> committed) {
        return new RecallRequest(space, vector, k, minSimilarity, filter, accuracy, committed);
    }
}
