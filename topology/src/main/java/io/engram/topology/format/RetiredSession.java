package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * An earlier incarnation of a session, of which numbers are still open.
 *
 * <pre>
 * offset size  field
 * 0      1     version = 2
 * 1      8     source offset at which the next incarnation began
 * 9      ...   {@link SessionState}
 * </pre>
 */
public record RetiredSession(SessionState state, long endOffset) {
    private static final byte VERSION = 2;
    private static final int HEADER_BYTES = 1 + Long.BYTES;

    /** The bytes of it, as the layout says. */
    public byte[] encode() {
        byte[] encoded = state.encode();
        return ByteBuffer.allocate(HEADER_BYTES + encoded.length)
                .put(VERSION)
                .putLong(endOffset)
                .put(encoded)
                .array();
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException when it is of another version
     */
    public static RetiredSession decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("retired session of version " + version + ", expected " + VERSION);
        }
        long endOffset = in.getLong();
        return new RetiredSession(
                SessionState.decode(Arrays.copyOfRange(bytes, HEADER_BYTES, bytes.length)), endOffset);
    }
}
