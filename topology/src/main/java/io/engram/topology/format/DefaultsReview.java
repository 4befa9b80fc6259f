package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * The configured retention that the keys of spaces without one of their own were made for; when another is configured, the
 * spaces are gone through once.
 *
 * <pre>
 * big-endian
 * offset size  field
 * 0      1     version = 1
 * 1      8     configured time to live, ms; 0 = for ever
 * 9      8     configured most memories; 0 = all
 * 17     1     1 = spaces are still to be gone through
 * 18     n     space (UTF-8) behind which that goes on; absent = from the first
 * </pre>
 *
 * @param ttlMs 0 for ever
 * @param maxMemories 0 for all
 * @param isOpen true while spaces are still to be gone through
 * @param reviewedTo space behind which that goes on
 */
public record DefaultsReview(long ttlMs, long maxMemories, boolean isOpen, Optional<String> reviewedTo) {
    /** Nothing was ever limited by configuration. */
    public static final DefaultsReview NONE = new DefaultsReview(0, 0, false, Optional.empty());

    private static final byte VERSION = 1;
    private static final int HEAD = 2 + 2 * Long.BYTES;

    /** The bytes of it, as the layout says. */
    public byte[] encode() {
        byte[] space = reviewedTo.orElse("").getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(HEAD + space.length)
                .put(VERSION)
                .putLong(ttlMs)
                .putLong(maxMemories)
                .put((byte) (isOpen ? 1 : 0))
                .put(space)
                .array();
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException when it is of another version
     */
    public static DefaultsReview decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("review of defaults of version " + version + ", expected " + VERSION);
        }
        String space = new String(Arrays.copyOfRange(bytes, HEAD, bytes.length), StandardCharsets.UTF_8);
        return new DefaultsReview(
                in.getLong(), in.getLong(), in.get() == 1, Optional.of(space).filter(text -> !text.isEmpty()));
    }
}
