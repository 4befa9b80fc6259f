package io.engram.app.state;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * How one copy of a partition compares with itself: store, index and changelog.
 *
 * @param role {@code active}, {@code standby}, {@code loading}, or {@code stopped}
 * @param stored memories in the store
 * @param indexed memories in the index, or in its snapshot when stopped
 * @param missing stored, but not in the index
 * @param extra in the index, but not stored
 * @param stale in the index with another embedding than stored
 * @param notInChangelog keys of the store that the changelog has not, or not so
 * @param notInStore keys of the changelog that the store has not
 * @param damaged spaces of whose index a file was damaged: that part was taken out, and is read from the store
 * @param repaired differences that were put right
 * @param examples some ids or keys that differ
 */
public record PartitionReport(
        @JsonProperty("partition") int partition,
        @JsonProperty("role") String role,
        @JsonProperty("stored") long stored,
        @JsonProperty("indexed") long indexed,
        @JsonProperty("missing") long missing,
        @JsonProperty("extra") long extra,
        @JsonProperty("stale") long stale,
        @JsonProperty("not_in_changelog") long notInChangelog,
        @JsonProperty("not_in_store") long notInStore,
        @JsonProperty("damaged") List<String> damaged,
        @JsonProperty("repaired") long repaired,
        @JsonProperty("examples") List<String> examples) {

    /** True when nothing differs, and nothing was damaged. */
    @JsonProperty("consistent")
    public boolean isConsistent() {
        return damaged.isEmpty() && missing + extra + stale + notInChangelog + notInStore == 0;
    }
}
