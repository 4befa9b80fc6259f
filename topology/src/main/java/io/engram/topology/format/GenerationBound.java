package io.engram.topology.format;

import java.nio.ByteBuffer;

/** Eight bytes, big-endian: no generation above this one was given out yet. */
public final class GenerationBound {
    private GenerationBound() {}

    /** The bytes of a bound. */
    public static byte[] encode(long bound) {
        return ByteBuffer.allocate(Long.BYTES).putLong(bound).array();
    }

    /** Reads what {@link #encode} wrote. */
    public static long decode(byte[] bytes) {
        return ByteBuffer.wrap(bytes).getLong();
    }
}
