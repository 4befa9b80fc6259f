package io.engram.topology.store;

import java.nio.ByteBuffer;

/** Eight bytes, big-endian: no generation above this one was given out yet. */
final class GenerationBound {
    private GenerationBound() {}

    static byte[] encode(long bound) {
        return ByteBuffer.allocate(Long.BYTES).putLong(bound).array();
    }

    static long decode(byte[] bytes) {
        return ByteBuffer.wrap(bytes).getLong();
    }
}
