package io.engram.topology.rejection;

import io.engram.schemas.Limits;
import java.util.Optional;
import org.apache.kafka.common.header.Header;

/**
 * How large a record is at most when it is written, in a batch of its own and without compression. A producer compares the
 * same sum with {@code max.request.size}, a broker what is left of it with {@code max.message.bytes}.
 *
 * <pre>
 * batch     61 bytes
 * record    at most 21 bytes of lengths, time and attributes
 *   key     at most 5 bytes of length, and its bytes
 *   value   the same
 *   headers at most 5 bytes of count; of each, name and value and at most 5 bytes of length for both
 * </pre>
 */
public final class RecordSize {
    private static final int LENGTH_BYTES = 5;
    private static final int BATCH_AND_RECORD_BYTES = 61 + 21 + LENGTH_BYTES;

    private RecordSize() {}

    /** Of a whole record, bytes. */
    public static long of(Optional<byte[]> key, Optional<byte[]> value, Iterable<Header> headers) {
        return BATCH_AND_RECORD_BYTES + bytes(key) + bytes(value) + ofHeaders(headers);
    }

    private static long bytes(Optional<byte[]> part) {
        return LENGTH_BYTES + part.map(bytes -> bytes.length).orElse(0);
    }

    /** As {@link #ofHeaders}, without those that only we write: what is redelivered carries them besides its own. */
    public static long ofForeignHeaders(Iterable<Header> headers) {
        long bytes = 0;
        for (Header header : headers) {
            if (!RejectionRecord.isOurs(header)) {
                bytes += of(header);
            }
        }
        return bytes;
    }

    /** What headers take together; of it depends whether a record has more than {@link Limits#MAX_HEADER_BYTES}. */
    static long ofHeaders(Iterable<Header> headers) {
        long bytes = 0;
        for (Header header : headers) {
            bytes += of(header);
        }
        return bytes;
    }

    static long of(Header header) {
        return Limits.HEADER_OVERHEAD_BYTES + payload(header);
    }

    /** The bytes of a header's name and value. */
    static long payload(Header header) {
        return utf8Length(header.key()) + (header.value() == null ? 0 : header.value().length);
    }

    private static long utf8Length(String text) {
        long bytes = 0;
        for (int i = 0; i < text.length(); i++) {
            char unit = text.charAt(i);
            // Two of them are a pair, which takes four bytes.
            boolean isHalf = Character.isSurrogate(unit);
            bytes += unit < 0x80 ? 1 : unit < 0x800 || isHalf ? 2 : 3;
        }
        return bytes;
    }
}
