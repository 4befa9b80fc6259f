package io.engram.topology.format;

import java.nio.ByteBuffer;

/** Whole numbers in as few bytes as they need: seven bits each, the lowest first, the top bit set on all but the last. */
final class Varints {
    /** The most bytes that a number takes. */
    static final int MAX_BYTES = 10;

    private Varints() {}

    static void write(ByteBuffer out, long value) {
        long left = value;
        while ((left & ~0x7FL) != 0) {
            out.put((byte) (left & 0x7F | 0x80));
            left >>>= 7;
        }
        out.put((byte) left);
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws IllegalArgumentException when it does not end within {@value #MAX_BYTES} bytes
     */
    static long read(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; shift < MAX_BYTES * 7; shift += 7) {
            byte next = in.get();
            value |= (next & 0x7FL) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException("a number of more than " + MAX_BYTES + " bytes");
    }

    /** Small numbers of either sign take few bytes. */
    static void writeSigned(ByteBuffer out, long value) {
        write(out, value << 1 ^ value >> 63);
    }

    static long readSigned(ByteBuffer in) {
        long value = read(in);
        return value >>> 1 ^ -(value & 1);
    }
}
