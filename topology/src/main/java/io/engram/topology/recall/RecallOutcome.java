package io.engram.topology.recall;

import io.engram.topology.format.StoredMemory;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What recalling one space on one partition came to. */
public sealed interface RecallOutcome {
    /**
     * The memories found.
     *
     * @param memories best first
     * @param generation the snapshot: the newest generation that could be seen
     * @param indexedOffsets by {@code lane-partition}: everything up to that source offset could be seen
     * @param complete false when the time was up before the search ended: there may be better ones
     */
    record Found(List<Recalled> memories, long generation, Map<String, Long> indexedOffsets, boolean complete)
            implements RecallOutcome {}

    /** Nothing was ever stored in a space of that name, or it was dropped. */
    record UnknownSpace(String space) implements RecallOutcome {}

    /** The query has another dimension than the space. */
    record WrongDimension(int expected, int actual) implements RecallOutcome {}

    /**
     * A memory and how similar it is.
     *
     * @param similarity exact cosine similarity, -1 to 1
     * @param generation of the memory that was compared
     * @param memory itself; empty when more was found than may be held, and it is to be read when it is its turn
     */
    record Recalled(String id, float similarity, long generation, Optional<StoredMemory> memory) {}
}
