package io.engram.topology.recall;

import io.engram.schemas.Lane;
import java.util.Map;
import java.util.Optional;

/**
 * A recall of one space.
 *
 * @param space whose memories to search
 * @param vector what to look for: finite, not all zero, of the space's dimension
 * @param k how many memories at most, 1 or more
 * @param minSimilarity memories less similar than this are left out, -1 to 1
 * @param filter what the metadata must say
 * @param accuracy beam width of the graph search ("ef"), 1 or more
 * @param committed when present, only generations are visible whose input is committed up to these offsets, by lane
 */
public record RecallRequest(
        String space,
        float[] vector,
        int k,
        double minSimilarity,
        MetadataFilter filter,
        int accuracy,
        Optional<Map<Lane, Long>> committed) {

    /** The beam width unless the request says otherwise. */
    public static final int DEFAULT_ACCURACY = 100;

    /** A recall of everything that is indexed, without conditions. */
    public static RecallRequest of(String space, float[] vector, int k) {
        return new RecallRequest(space, vector, k, -1, MetadataFilter.ALL, DEFAULT_ACCURACY, Optional.empty());
    }
}
