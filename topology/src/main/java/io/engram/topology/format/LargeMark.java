package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * A space is large.
 *
 * <pre>
 * big-endian
 * offset size  field
 * 0      1     version = 1
 * 1      8     generation
 * 9      4     dimension
 * </pre>
 *
 * @param since generation of the memory with which it became large; tells its index from the one it had before it was dropped
 * @param dimension of its vectors; 0 when the space had none yet
 */
public record LargeMark(long since, int dimension) {
    private static final byte VERSION = 1;

    /** The space that a key of the store says is large; empty for keys of other things. */
    public static Optional<String> spaceOf(byte[] storeKey) {
        return storeKey.length > 0 && storeKey[0] == StoreKeys.LARGE
                ? Optional.of(StoreKeys.body(storeKey))
                : Optional.empty();
    }

    /** The bytes of it, as the layout says. */
    public byte[] encode() {
        return ByteBuffer.allocate(1 + Long.BYTES + Integer.BYTES)
                .put(VERSION)
                .putLong(since)
                .putInt(dimension)
                .array();
    }

    /** @throws IllegalArgumentException when the bytes are of another version */
    public static LargeMark decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("mark of a large space of version " + version + ", expected " + VERSION);
        }
        return new LargeMark(in.getLong(), in.getInt());
    }
}
