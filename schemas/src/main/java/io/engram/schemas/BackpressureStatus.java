package io.engram.schemas;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * How full one partition of one lane is.
 *
 * @param level {@code normal}, {@code warning}, {@code critical} or {@code overloaded}
 * @param depth records of the lane on this instance that are not indexed yet
 * @param capacity this instance's share of the lane's capacity, in records
 * @param pressure 0 (empty) to 1 (full) and beyond
 * @param reason {@code lane} when records wait, {@code memory} when the index memory of the instance is full
 * @param retryAfterMs how long a producer should wait before it sends again; 0 unless overloaded
 */
public record BackpressureStatus(
        @JsonProperty("level") String level,
        @JsonProperty("depth") long depth,
        @JsonProperty("capacity") long capacity,
        @JsonProperty("pressure") double pressure,
        @JsonProperty("reason") String reason,
        @JsonProperty("retry_after_ms") long retryAfterMs) {

    /** The {@link #reason} of an instance whose index memory is full. */
    public static final String MEMORY = "memory";

    /** The {@link #reason} otherwise. */
    public static final String LANE = "lane";

    /** The record key: {@code lane-partition}. */
    public static String key(Lane lane, int partition) {
        return lane.label() + "-" + partition;
    }
}
