package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * How far retention is with a space.
 *
 * <pre>
 * big-endian
 * offset size  field
 * 0      1     version = 2
 * 1      1     flags: 1 = walking, 2 = has a key of {@link DueKind#LIMIT}
 * 2      8     time of its key of {@link DueKind#EXPIRY}, epoch ms; {@link #NEVER} = it has none
 * 10     8     before this time no memory is left, epoch ms
 * 18     n     id (UTF-8) up to which the memories were walked; absent = none yet
 * </pre>
 *
 * @param isWalking true until every memory has its key in order of time
 * @param isQueued true when there is a key of {@link DueKind#LIMIT}
 * @param expiryAtMs time of the key of {@link DueKind#EXPIRY}; {@link #NEVER} when there is none
 * @param floorMs before this time no key in order of time is left: a store is slow to pass over those that were deleted
 * @param walkedTo id behind which the walk goes on
 */
public record RetentionState(
        boolean isWalking, boolean isQueued, long expiryAtMs, long floorMs, Optional<String> walkedTo) {
    /** There is no key of {@link DueKind#EXPIRY}. */
    public static final long NEVER = Long.MAX_VALUE;

    private static final byte VERSION = 2;
    private static final int WALKING = 1;
    private static final int QUEUED = 2;
    private static final int HEAD = 2 + 2 * Long.BYTES;

    /** The bytes of it, as the layout says. */
    public byte[] encode() {
        byte[] id = walkedTo.orElse("").getBytes(StandardCharsets.UTF_8);
        int flags = (isWalking ? WALKING : 0) | (isQueued ? QUEUED : 0);
        return ByteBuffer.allocate(HEAD + id.length)
                .put(VERSION)
                .put((byte) flags)
                .putLong(expiryAtMs)
                .putLong(floorMs)
                .put(id)
                .array();
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException when it is of another version
     */
    public static RetentionState decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("retention state of version " + version + ", expected " + VERSION);
        }
        byte flags = in.get();
        String id = new String(Arrays.copyOfRange(bytes, HEAD, bytes.length), StandardCharsets.UTF_8);
        return new RetentionState(
                (flags & WALKING) != 0,
                (flags & QUEUED) != 0,
                in.getLong(),
                in.getLong(),
                Optional.of(id).filter(text -> !text.isEmpty()));
    }
}
