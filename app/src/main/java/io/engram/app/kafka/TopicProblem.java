package io.engram.app.kafka;

import java.util.Locale;

/**
 * Something about a topic that is not as it was, or not as it has to be.
 *
 * @param text one sentence for people
 */
public record TopicProblem(Kind kind, String topic, String text) {
    /** What is wrong; the values of the metric label {@code problem}. */
    public enum Kind {
        /** The topic is not there any more. */
        MISSING(true),
        /** Numbers of partitions do not fit each other. */
        PARTITIONS(true),
        /** The topic was deleted and made again within the last hour. */
        MADE_AGAIN(false),
        /** A setting of the topic would lose records, or refuse them. */
        SETTINGS(false),
        /** A lane is read from before or behind what was processed, since less than an hour. */
        OFFSETS(false);

        private final boolean stops;

        Kind(boolean stops) {
            this.stops = stops;
        }

        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** True when records cannot be processed while it lasts. */
    public boolean stopsProcessing() {
        return kind.stops;
    }
}
