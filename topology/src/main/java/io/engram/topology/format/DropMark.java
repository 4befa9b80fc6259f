package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * Of which drop a key of {@link DueKind#SWEEP} or {@link DueKind#DROP} speaks: a space may be dropped again before it is due.
 *
 * <pre>
 * big-endian
 * offset size  field
 * 0      1     version = 1
 * 1      8     generation of the drop
 * 9      n     id (UTF-8) of the last memory that was looked at; absent = none yet
 * </pre>
 *
 * @param sweptTo id behind which the sweep goes on
 */
public record DropMark(long generation, Optional<String> sweptTo) {
    private static final byte VERSION = 1;
    private static final int HEAD = 1 + Long.BYTES;

    /** The space was dropped a moment ago. */
    public static DropMark of(SpaceRecord dropped) {
        return new DropMark(dropped.droppedGeneration(), Optional.empty());
    }

    public byte[] encode() {
        byte[] id = sweptTo.orElse("").getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(HEAD + id.length)
                .put(VERSION)
                .putLong(generation)
                .put(id)
                .array();
    }

    /**
     * @throws IllegalArgumentException when it is of another version
     */
    public static DropMark decode(byte[] bytes) {
        if (bytes[0] != VERSION) {
            throw new IllegalArgumentException("drop mark of version " + bytes[0] + ", expected " + VERSION);
        }
        String id = new String(Arrays.copyOfRange(bytes, HEAD, bytes.length), StandardCharsets.UTF_8);
        return new DropMark(ByteBuffer.wrap(bytes).getLong(1), Optional.of(id).filter(text -> !text.isEmpty()));
    }
}
