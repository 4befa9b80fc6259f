package io.engram.topology.follow;

import io.engram.topology.format.JournalPosition;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.UUID;

/**
 * How far an index that was saved follows its store; saved with it, as its user data.
 *
 * <pre>
 * big-endian
 * size   field
 * 1      version = 1
 * 16     identity of the store
 * 8      epoch  \ of the store's journal
 * 8      number /
 * 1      1 = complete
 * 2+n    space, UTF-8
 * 4      count of ids
 * 2+n    id, UTF-8, each
 * </pre>
 *
 * @param store identity of the store that it follows
 * @param position everything up to here is in the index, but for {@code unsure}
 * @param isComplete false when it has not everything yet: then neither position nor ids say anything
 * @param space whose memories these are
 * @param unsure ids of which the index may have something else than the store at that position: what was changed since the store
 *     was last flushed, which a crash takes back, and what waits to be applied
 */
public record FollowerCommit(
        UUID store, JournalPosition position, boolean isComplete, String space, List<String> unsure) {
    private static final byte VERSION = 1;
    private static final int FIXED_BYTES = 1 + 16 + 8 + 8 + 1 + 2 + 4;

    public FollowerCommit {
        unsure = List.copyOf(unsure);
    }

    /** The bytes of the record above. */
    public byte[] encode() {
        byte[] name = space.getBytes(StandardCharsets.UTF_8);
        List<byte[]> ids = new ArrayList<>(unsure.size());
        int size = FIXED_BYTES + name.length;
        for (String id : unsure) {
            byte[] text = id.getBytes(StandardCharsets.UTF_8);
            ids.add(text);
            size = Math.addExact(size, 2 + text.length);
        }
        ByteBuffer out = ByteBuffer.allocate(size)
                .put(VERSION)
                .putLong(store.getMostSignificantBits())
                .putLong(store.getLeastSignificantBits())
                .putLong(position.epoch())
                .putLong(position.number())
                .put((byte) (isComplete ? 1 : 0));
        text(out, name);
        out.putInt(ids.size());
        ids.forEach(id -> text(out, id));
        return out.array();
    }

    private static void text(ByteBuffer out, byte[] text) {
        out.putShort((short) text.length).put(text);
    }

    /**
     * The record of these bytes.
     *
     * @throws IllegalArgumentException when they are of another version, or not whole
     */
    public static FollowerCommit decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        try {
            byte version = in.get();
            if (version != VERSION) {
                throw new IllegalArgumentException(
                        "commit of an index of version " + version + ", expected " + VERSION);
            }
            UUID store = new UUID(in.getLong(), in.getLong());
            JournalPosition position = new JournalPosition(in.getLong(), in.getLong());
            boolean complete = in.get() == 1;
            String space = text(in);
            int count = in.getInt();
            Collection<String> ids = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                ids.add(text(in));
            }
            return new FollowerCommit(store, position, complete, space, List.copyOf(ids));
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("commit of an index ends after " + bytes.length + " bytes", e);
        }
    }

    private static String text(ByteBuffer in) {
        byte[] text = new byte[Short.toUnsignedInt(in.getShort())];
        in.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }
}
