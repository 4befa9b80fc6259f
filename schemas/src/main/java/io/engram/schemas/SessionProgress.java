package io.engram.schemas;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.Map;

/**
 * How far one session has come; the producer's acknowledgement. Cumulative: each record replaces the one before it.
 *
 * @param acknowledgedSequence every sequence number up to this one is durable and recallable, in {@code openRanges}, or was
 *     passed for good, as its rejection says; 0 before the first
 * @param expectedSequence the sequence number that the session expects next
 * @param openRanges numbers at or below {@code expectedSequence - 1} whose record was rejected and may be sent again, as
 *     closed intervals {@code [first, last]}; at most 200
 * @param state {@code open} or {@code closed}
 * @param indexedOffsets by {@code lane-partition}: every record up to that source offset is recallable or rejected
 * @param updatedAt epoch milliseconds
 */
public record SessionProgress(
        @JsonProperty("acknowledged_sequence") long acknowledgedSequence,
        @JsonProperty("expected_sequence") long expectedSequence,
        @JsonProperty("open_ranges") List<List<Long>> openRanges,
        @JsonProperty("state") String state,
        @JsonProperty("indexed_offsets") Map<String, Long> indexedOffsets,
        @JsonProperty("updated_at") long updatedAt) {

    /** The record key: {@code space/lane/session}. */
    public static String key(String space, Lane lane, String session) {
        return space + "/" + lane.label() + "/" + session;
    }
}
