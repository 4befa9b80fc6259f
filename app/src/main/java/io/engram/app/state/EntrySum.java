package io.engram.app.state;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** How many entries there were, and a checksum of them in their order. Not thread-safe. */
final class EntrySum {
    private final CRC32C crc = new CRC32C();
    private long count;

    void add(byte[] key, byte[] value) {
        count++;
        crc.update(ByteBuffer.allocate(2 * Integer.BYTES)
                .putInt(key.length)
                .putInt(value.length)
                .flip());
        crc.update(key);
        crc.update(value);
    }

    long count() {
        return count;
    }

    boolean isSameAs(EntrySum that) {
        return count == that.count && crc.getValue() == that.crc.getValue();
    }
}
