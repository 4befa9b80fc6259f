package io.engram.schemas;

import java.util.List;

/**
 * Names of the headers that a record in the topic of rejections carries besides its own.
 *
 * <p>Values are UTF-8 text, numbers in decimal. A header is replaced, never appended a second time, so a record that is
 * rejected again speaks of its last rejection only.
 */
public final class RejectionHeaders {
    /** A {@link RejectionReason#label()}. */
    public static final String REASON = "engram-reason";

    /** One sentence that names the field, the bad value and the fix. */
    public static final String DETAIL = "engram-detail";

    /** The sequence number that the session expects next; with {@code invalid_sequence}. */
    public static final String EXPECTED_SEQUENCE = "engram-expected-sequence";

    /** Milliseconds after which a new attempt is sensible; with {@code over_capacity}. */
    public static final String RETRY_AFTER_MS = "engram-retry-after-ms";

    public static final String SOURCE_TOPIC = "engram-source-topic";
    public static final String SOURCE_PARTITION = "engram-source-partition";
    public static final String SOURCE_OFFSET = "engram-source-offset";

    /** Epoch milliseconds at which the broker appended the record to its lane. */
    public static final String ENQUEUED_AT = "engram-enqueued-at";

    /** Epoch milliseconds of the rejection. */
    public static final String REJECTED_AT = "engram-rejected-at";

    /**
     * Marks a record that was rejected before and is sent to its lane again, by redelivery or a replay. For people and tools:
     * what counts as redelivered is decided by what the store knows of the source offset, whatever the headers say.
     */
    public static final String REDELIVERED = "engram-redelivered";

    /**
     * Bytes of key, value and headers that were left out, because the whole record is larger than the topic of rejections
     * takes. Such a record has its key (at most its first KiB), the first KiB of its value, and those of its own headers that
     * fit. It is never sent to a lane again.
     */
    public static final String TRUNCATED_BYTES = "engram-truncated-bytes";

    /** Every header above. */
    public static final List<String> ALL = List.of(
            REASON,
            DETAIL,
            EXPECTED_SEQUENCE,
            RETRY_AFTER_MS,
            SOURCE_TOPIC,
            SOURCE_PARTITION,
            SOURCE_OFFSET,
            ENQUEUED_AT,
            REJECTED_AT,
            REDELIVERED,
            TRUNCATED_BYTES);

    private RejectionHeaders() {}
}
