package io.engram.topology.rejection;

import io.engram.schemas.RejectionHeaders;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.header.Header;

/**
 * A rejection as it is written: the record byte for byte, or cut to what the topic of rejections takes.
 *
 * @param truncatedBytes of key, value and headers that were left out, 0 when it is whole
 */
public record RejectionRecord(Optional<byte[]> key, Optional<byte[]> value, List<Header> headers, long truncatedBytes) {
    /** What is kept of a value, or of a key, that cannot be kept whole. */
    static final int KEPT_BYTES = 1 << 10;

    private static final Set<String> OURS = Set.copyOf(RejectionHeaders.ALL);

    /**
     * Puts a rejection together.
     *
     * @param original the record's own headers; those that only we write are left out
     * @param own what is said of the rejection
     * @param maxBytes as {@link RecordSize} counts
     */
    public static RejectionRecord of(
            Optional<byte[]> key, Optional<byte[]> value, Iterable<Header> original, List<Header> own, int maxBytes) {
        List<Header> foreign = new ArrayList<>();
        for (Header header : original) {
            if (!isOurs(header)) {
                foreign.add(header);
            }
        }
        List<Header> all = new ArrayList<>(foreign);
        all.addAll(own);
        return RecordSize.of(key, value, all) <= maxBytes
                ? new RejectionRecord(key, value, all, 0)
                : cut(key, value, foreign, own, maxBytes);
    }

    private static RejectionRecord cut(
            Optional<byte[]> key, Optional<byte[]> value, List<Header> foreign, List<Header> own, int maxBytes) {
        Optional<byte[]> keptKey = key.map(RejectionRecord::start);
        Optional<byte[]> keptValue = value.map(RejectionRecord::start);
        long left = length(key) - length(keptKey) + length(value) - length(keptValue);
        long room = maxBytes
                - RecordSize.of(keptKey, keptValue, own)
                - RecordSize.of(header(RejectionHeaders.TRUNCATED_BYTES, Long.MAX_VALUE));
        List<Header> kept = new ArrayList<>();
        for (Header header : foreign) {
            long bytes = RecordSize.of(header);
            if (bytes <= room) {
                room -= bytes;
                kept.add(header);
            } else {
                left += RecordSize.payload(header);
            }
        }
        kept.addAll(own);
        kept.add(header(RejectionHeaders.TRUNCATED_BYTES, left));
        return new RejectionRecord(keptKey, keptValue, kept, left);
    }

    /** True for a header that only we write, whoever wrote this one. */
    static boolean isOurs(Header header) {
        return OURS.contains(header.key());
    }

    private static byte[] start(byte[] bytes) {
        return bytes.length <= KEPT_BYTES ? bytes : Arrays.copyOf(bytes, KEPT_BYTES);
    }

    private static long length(Optional<byte[]> bytes) {
        return bytes.map(array -> array.length).orElse(0);
    }

    private record TextHeader(String key, byte[] value) implements Header {}

    /** A header of ours. */
    static Header header(String name, Object value) {
        return new TextHeader(name, value.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** True when it does not have all that the record had. */
    public boolean isCut() {
        return truncatedBytes > 0;
    }
}
