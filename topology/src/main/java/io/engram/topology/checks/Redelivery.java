package io.engram.topology.checks;

import io.engram.schemas.RejectionHeaders;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * What a record that was rejected before says of its first time.
 *
 * @param enqueuedAtMs when it was first appended, never after this time's append
 * @param sourceOffset where, when it was the same partition of the same lane
 */
record Redelivery(long enqueuedAtMs, OptionalLong sourceOffset) {
    /** Reads the headers; empty when the record comes for the first time. */
    static Optional<Redelivery> of(Headers headers, String topic, int partition, long appendedAtMs) {
        if (headers.lastHeader(RejectionHeaders.REDELIVERED) == null) {
            return Optional.empty();
        }
        long enqueuedAt = number(headers, RejectionHeaders.ENQUEUED_AT).orElse(appendedAtMs);
        boolean sameSource = text(headers, RejectionHeaders.SOURCE_TOPIC).equals(Optional.of(topic))
                && number(headers, RejectionHeaders.SOURCE_PARTITION).equals(OptionalLong.of(partition));
        return Optional.of(new Redelivery(
                Math.max(0, Math.min(enqueuedAt, appendedAtMs)),
                sameSource ? number(headers, RejectionHeaders.SOURCE_OFFSET) : OptionalLong.empty()));
    }

    private static Optional<String> text(Headers headers, String name) {
        Header header = headers.lastHeader(name);
        return header == null || header.value() == null
                ? Optional.empty()
                : Optional.of(new String(header.value(), StandardCharsets.UTF_8));
    }

    private static OptionalLong number(Headers headers, String name) {
        try {
            return text(headers, name)
                    .map(text -> OptionalLong.of(Long.parseLong(text)))
                    .orElse(OptionalLong.empty());
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }
}
