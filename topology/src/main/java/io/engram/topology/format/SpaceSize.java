package io.engram.topology.format;

import java.nio.ByteBuffer;

/**
 * How much a space holds, exactly, and whether that is so much that it has an index. A memory counts from the change that
 * stores it to the one that forgets it; what was dropped with its space does not count any more.
 *
 * <pre>
 * big-endian
 * offset size  field
 * 0      1     version = 1
 * 1      8     memories
 * 9      8     bytes of their stored values
 * 17     1     1 = large
 * </pre>
 *
 * @param memories 0 or more
 * @param bytes 0 or more
 * @param isLarge true when the space has an index; else recall compares with everything in it
 */
public record SpaceSize(long memories, long bytes, boolean isLarge) {
    /** Of a space without memories. */
    public static final SpaceSize EMPTY = new SpaceSize(0, 0, false);

    /** A space of so many bytes is large, however few memories these are: recall would have to read them all. */
    static final long MAX_SCAN_BYTES = 4L << 20;

    private static final byte VERSION = 1;
    private static final int SIZE = 18;

    public boolean isEmpty() {
        return memories == 0;
    }

    /** The same with more, or less when they are negative. */
    public SpaceSize plus(long moreMemories, long moreBytes) {
        return new SpaceSize(memories + moreMemories, bytes + moreBytes, isLarge);
    }

    /**
     * Small up to the threshold, large beyond it, and small again below its half: a space at the threshold must not have its
     * index built again and again.
     *
     * @param threshold most memories of a small space
     */
    public SpaceSize judged(int threshold) {
        boolean large = isLarge
                ? memories > threshold / 2 || bytes > MAX_SCAN_BYTES / 2
                : memories > threshold || bytes > MAX_SCAN_BYTES;
        return new SpaceSize(memories, bytes, large);
    }

    /** The bytes of it, as the layout says. */
    public byte[] encode() {
        return ByteBuffer.allocate(SIZE)
                .put(VERSION)
                .putLong(memories)
                .putLong(bytes)
                .put((byte) (isLarge ? 1 : 0))
                .array();
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException when it is of another version
     */
    public static SpaceSize decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("size of a space of version " + version + ", expected " + VERSION);
        }
        return new SpaceSize(in.getLong(), in.getLong(), in.get() == 1);
    }
}
