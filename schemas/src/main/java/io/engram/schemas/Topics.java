package io.engram.schemas;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The topic names under one prefix.
 *
 * @param prefix lower-case letters, digits and hyphens, starting with a letter; at most 64 characters. Dots and
 *     underscores are refused because Kafka's metric names cannot tell them apart
 */
public record Topics(String prefix) {
    /** The prefix unless configured otherwise. */
    public static final String DEFAULT_PREFIX = "engram";

    private static final Pattern PREFIX = Pattern.compile("[a-z][a-z0-9-]{0,63}");

    public Topics {
        if (!PREFIX.matcher(prefix).matches()) {
            throw new IllegalArgumentException(
                    "topic prefix must match " + PREFIX.pattern() + " (hyphens only): '" + prefix + "'");
        }
    }

    /** The topic of a lane's observations, keyed by memory space. */
    public String observations(Lane lane) {
        return prefix + "-observations-" + lane.label();
    }

    /** The lane whose topic that is, or empty. */
    public Optional<Lane> laneOf(String topic) {
        return Lane.ALL.stream()
                .filter(lane -> observations(lane).equals(topic))
                .findFirst();
    }

    /** Records that were not accepted, byte for byte, with {@link RejectionHeaders}. */
    public String rejected() {
        return prefix + "-rejected";
    }

    /** {@link SessionProgress} by {@code space/lane/session}; compacted. */
    public String sessions() {
        return prefix + "-sessions";
    }

    /** {@link BackpressureStatus} by {@code lane-partition}; compacted. */
    public String backpressure() {
        return prefix + "-backpressure";
    }
}
