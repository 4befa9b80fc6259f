package io.engram.topology.rejection;

import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.RejectionReason;
import io.engram.topology.format.OpenRanges;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.apache.kafka.common.header.Header;

/**
 * Why a record is rejected.
 *
 * @param detail one sentence that names the field, the bad value and the fix
 * @param expectedSequence with {@code invalid_sequence}
 * @param retryAfterMs with {@code over_capacity}
 */
public record RejectedRecord(
        RejectionReason reason, String detail, OptionalLong expectedSequence, OptionalLong retryAfterMs) {
    private static final int MAX_DETAIL_CHARS = 1_000;

    /** Without a hint. */
    public static RejectedRecord of(RejectionReason reason, String detail) {
        return new RejectedRecord(reason, detail, OptionalLong.empty(), OptionalLong.empty());
    }

    /** Says which number was expected. */
    public static RejectedRecord invalidSequence(String detail, long expected) {
        return new RejectedRecord(
                RejectionReason.INVALID_SEQUENCE, detail, OptionalLong.of(expected), OptionalLong.empty());
    }

    /** Says when to come again. */
    public static RejectedRecord overCapacity(String detail, long retryAfterMs) {
        return new RejectedRecord(
                RejectionReason.OVER_CAPACITY, detail, OptionalLong.empty(), OptionalLong.of(retryAfterMs));
    }

    /** The same, when the record's number could not be kept open either. */
    public RejectedRecord passedForGood(String session, long next) {
        String way = reason == RejectionReason.OVER_CAPACITY
                ? "it comes back by itself, but cannot be sent again under its number"
                : "send the corrected observation under the next number, " + next;
        return new RejectedRecord(
                reason,
                "%s; its number is passed for good, since session '%s' has %d ranges of open numbers already: %s"
                        .formatted(detail, session, OpenRanges.MAX_RANGES, way),
                expectedSequence,
                retryAfterMs);
    }

    /** Where a record came from. */
    public record Source(String topic, int partition, long offset, long enqueuedAtMs) {}

    /** The headers that say so; they replace those of an earlier rejection. */
    public List<Header> headers(Source source, long nowMs) {
        List<Header> headers = new ArrayList<>();
        headers.add(RejectionRecord.header(RejectionHeaders.REASON, reason.label()));
        headers.add(RejectionRecord.header(RejectionHeaders.DETAIL, shortened(detail)));
        expectedSequence.ifPresent(
                expected -> headers.add(RejectionRecord.header(RejectionHeaders.EXPECTED_SEQUENCE, expected)));
        retryAfterMs.ifPresent(ms -> headers.add(RejectionRecord.header(RejectionHeaders.RETRY_AFTER_MS, ms)));
        headers.add(RejectionRecord.header(RejectionHeaders.SOURCE_TOPIC, source.topic()));
        headers.add(RejectionRecord.header(RejectionHeaders.SOURCE_PARTITION, source.partition()));
        headers.add(RejectionRecord.header(RejectionHeaders.SOURCE_OFFSET, source.offset()));
        headers.add(RejectionRecord.header(RejectionHeaders.ENQUEUED_AT, source.enqueuedAtMs()));
        headers.add(RejectionRecord.header(RejectionHeaders.REJECTED_AT, nowMs));
        return headers;
    }

    /** The text of an unexpected exception may be of any length. */
    private static String shortened(String text) {
        return text.length() <= MAX_DETAIL_CHARS ? text : text.substring(0, MAX_DETAIL_CHARS) + "…";
    }
}
