package io.engram.topology.store;

import java.nio.ByteBuffer;

/**
 * What is known of a memory space.
 *
 * <pre>
 * offset size  field
 * 0      1     version = 1
 * 1      4     dimension, 0 while it is not fixed
 * 5      8     memories of this generation or older were dropped; 0 = never
 * 13     8     enqueue time of that drop, epoch ms
 * </pre>
 */
public record SpaceRecord(int dimension, long droppedGeneration, long droppedAtMs) {
    /** A space of which nothing is known. */
    public static final SpaceRecord UNKNOWN = new SpaceRecord(0, 0, 0);

    private static final byte VERSION = 1;

    /** True when the space is in use: its dimension is fixed. */
    public boolean exists() {
        return dimension > 0;
    }

    /** True when memories of some generation and older were dropped. */
    public boolean isDropped() {
        return droppedGeneration > 0;
    }

    /** True when the memory was dropped with the space: it was there, and nobody had enqueued it after the drop. */
    public boolean hides(StoredMemory memory) {
        return memory.generation() <= droppedGeneration && memory.enqueuedAtMs() <= droppedAtMs;
    }

    public SpaceRecord withDimension(int fixed) {
        return new SpaceRecord(fixed, droppedGeneration, droppedAtMs);
    }

    byte[] encode() {
        return ByteBuffer.allocate(21)
                .put(VERSION)
                .putInt(dimension)
                .putLong(droppedGeneration)
                .putLong(droppedAtMs)
                .array();
    }

    static SpaceRecord decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("space record of version " + version + ", expected " + VERSION);
        }
        return new SpaceRecord(in.getInt(), in.getLong(), in.getLong());
    }
}
