package io.engram.topology.intake;

import io.engram.schemas.Lane;
import io.engram.schemas.RejectionHeaders;
import io.engram.topology.format.DeferredChunk;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * A deferred record that comes again. Its headers only say where to look; what it is and since when is what the store knows
 * of that offset, and its key and value must be those that were rejected there.
 *
 * @param sourceOffset where it was first, on the same partition of the same lane
 * @param known what the store knows of it
 */
public record ReturnedRecord(long sourceOffset, DeferredChunk.Entry known) {
    /** The longest that is ours: the name of a topic. */
    private static final int MAX_HEADER_BYTES = 249;

    /** Empty for a record that comes for the first time, or only claims to come again. */
    public static Optional<ReturnedRecord> of(
            DeferredOffsets deferred,
            Lane lane,
            String topic,
            int partition,
            Headers headers,
            Optional<byte[]> key,
            Optional<byte[]> value) {
        boolean sameSource = text(headers, RejectionHeaders.SOURCE_TOPIC).equals(Optional.of(topic))
                && number(headers, RejectionHeaders.SOURCE_PARTITION).equals(OptionalLong.of(partition));
        OptionalLong offset = sameSource ? number(headers, RejectionHeaders.SOURCE_OFFSET) : OptionalLong.empty();
        if (offset.isEmpty()) {
            return Optional.empty();
        }
        return deferred.find(lane, offset.getAsLong())
                .filter(known -> known.digest() == digest(key, value))
                .map(known -> new ReturnedRecord(offset.getAsLong(), known));
    }

    /** When it was first appended to its lane, epoch ms. */
    long enqueuedAtMs() {
        return known.enqueuedAtMs();
    }

    /** True for another copy of one that came back already. */
    public boolean isCopy() {
        return !known.isWaiting();
    }

    /** The first 64 bits of SHA-256 over key and value as they were sent. */
    static long digest(Optional<byte[]> key, Optional<byte[]> value) {
        try {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            int length = key.map(bytes -> bytes.length).orElse(-1);
            sha256.update(ByteBuffer.allocate(Integer.BYTES).putInt(length).array());
            key.ifPresent(sha256::update);
            value.ifPresent(sha256::update);
            return ByteBuffer.wrap(sha256.digest()).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static Optional<String> text(Headers headers, String name) {
        Header header = headers.lastHeader(name);
        return header == null || header.value() == null || header.value().length > MAX_HEADER_BYTES
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
