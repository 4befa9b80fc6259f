package io.engram.app.state;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What a stopped instance has of one partition.
 *
 * @param entries of its store: memories, and all that is kept beside them
 * @param memories among them that are not forgotten
 * @param positions last offsets of the lanes that are processed in it, for people
 * @param committedOffset of the last record of the old changelog that is certainly in the store; -1 when it is not known
 * @param inChangelog keys that the changelog had before
 */
public record RefillReport(
        @JsonProperty("partition") int partition,
        @JsonProperty("entries") long entries,
        @JsonProperty("memories") long memories,
        @JsonProperty("positions") String positions,
        @JsonProperty("committed_offset") long committedOffset,
        @JsonProperty("in_changelog") long inChangelog) {}
