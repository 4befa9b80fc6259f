package io.engram.topology.checks;

import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.RejectionReason;
import io.engram.topology.store.OpenRanges;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * Why a record is rejected.
 *
 * @param detail one sentence that names the field, the bad value and the fix
 * @param expectedSequence with {@code invalid_sequence}
 * @param retryAfterMs with {@code over_capacity}
 */
record RejectedRecord(RejectionReason reason, String detail, OptionalLong expectedSequence, OptionalLong retryAfterMs) {

    static RejectedRecord of(RejectionReason reason, String detail) {
        return new RejectedRecord(reason, detail, OptionalLong.empty(), OptionalLong.empty());
    }

    static RejectedRecord invalidSequence(String detail, long expected) {
        return new RejectedRecord(
                RejectionReason.INVALID_SEQUENCE, detail, OptionalLong.of(expected), OptionalLong.empty());
    }

    static RejectedRecord overCapacity(String detail, long retryAfterMs) {
        return new RejectedRecord(
                RejectionReason.OVER_CAPACITY, detail, OptionalLong.empty(), OptionalLong.of(retryAfterMs));
    }

    /** The same, when the record's number could not be kept open either. */
    RejectedRecord passedForGood(String session, long next) {
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
    record Source(String topic, int partition, long offset, long enqueuedAtMs) {}

    /** The record's own headers and those of this rejection, which replace an earlier one's. */
    Headers headers(Headers original, Source source, long nowMs) {
        Headers headers = new RecordHeaders(original);
        RejectionHeaders.ALL.forEach(headers::remove);
        add(headers, RejectionHeaders.REASON, reason.label());
        add(headers, RejectionHeaders.DETAIL, detail);
        expectedSequence.ifPresent(expected -> add(headers, RejectionHeaders.EXPECTED_SEQUENCE, expected));
        retryAfterMs.ifPresent(ms -> add(headers, RejectionHeaders.RETRY_AFTER_MS, ms));
        add(headers, RejectionHeaders.SOURCE_TOPIC, source.topic());
        add(headers, RejectionHeaders.SOURCE_PARTITION, source.partition());
        add(headers, RejectionHeaders.SOURCE_OFFSET, source.offset());
        add(headers, RejectionHeaders.ENQUEUED_AT, source.enqueuedAtMs());
        add(headers, RejectionHeaders.REJECTED_AT, nowMs);
        return headers;
    }

    private static void add(Headers headers, String name, Object value) {
        headers.add(name, value.toString().getBytes(StandardCharsets.UTF_8));
    }
}
