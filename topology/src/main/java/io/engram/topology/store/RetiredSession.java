package io.engram.topology.store;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * An earlier incarnation of a session, of which numbers are still open.
 *
 * <pre>
 * offset size  field
 * 0      8     source offset at which the next incarnation began
 * 8      ...   {@link SessionState}
 * </pre>
 */
public record RetiredSession(SessionState state, long endOffset) {
    byte[] encode() {
        byte[] encoded = state.encode();
        return ByteBuffer.allocate(Long.BYTES + encoded.length)
                .putLong(endOffset)
                .put(encoded)
                .array();
    }

    static RetiredSession decode(byte[] bytes) {
        return new RetiredSession(
                SessionState.decode(Arrays.copyOfRange(bytes, Long.BYTES, bytes.length)),
                ByteBuffer.wrap(bytes).getLong());
    }
}
