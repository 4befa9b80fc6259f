package io.engram.topology.follow;

import io.engram.topology.format.JournalPosition;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * How far an index that was saved follows its store; saved with it, as its user data.
 *
 * <pre>
 * big-endian
 * size   field
 * 1      version = 2
 * 16     identity of the store
 * 8      epoch  \ of the store's journal
 * 8      number /
 * 1      1 = complete
 * 2+n    space, UTF-8
 * 4      count of ids that wait
 * 2+n    id, UTF-8, each
 * 4      count of changes that no flush has reached
 * 8      number  \ of each, in order
 * 2+n    id      /
 * </pre>
 *
 * @param store identity of the store that it follows
 * @param position everything up to here is in the index, but for what waits
 * @param isComplete false when it has not everything yet: then neither position nor ids say anything
 * @param space whose memories these are
 * @param waiting ids of which the index may have something else than the store at that position
 * @param unflushed changes of the position's epoch that may be in the index, and that a crash may take back from the store
 */
public record FollowerCommit(
        UUID store,
        JournalPosition position,
        boolean isComplete,
        String space,
        List<String> waiting,
        List<Change> unflushed) {
    private static final byte VERSION = 2;
    private static final int FIXED_BYTES = 1 + 16 + 8 + 8 + 1 + 2 + 4 + 4;

    public FollowerCommit {
        waiting = List.copyOf(waiting);
        unflushed = List.copyOf(unflushed);
    }

    /**
     * A change in the journal.
     *
     * @param number within its epoch
     * @param id of the memory
     */
    public record Change(long number, String id) {}

    /**
     * The ids that have to be looked up.
     *
     * @param survived how far the journal of what is stored goes: what is stored for certain need not be looked up
     */
    public Set<String> unsure(JournalPosition survived) {
        Set<String> ids = new LinkedHashSet<>(waiting);
        long stored = survived.epoch() == position.epoch() ? survived.number() : 0;
        unflushed.stream().filter(change -> change.number > stored).forEach(change -> ids.add(change.id));
        return ids;
    }

    /** The bytes of the record above. */
    public byte[] encode() {
        byte[] name = space.getBytes(StandardCharsets.UTF_8);
        List<byte[]> ids = new ArrayList<>(waiting.size() + unflushed.size());
        waiting.forEach(id -> ids.add(id.getBytes(StandardCharsets.UTF_8)));
        unflushed.forEach(change -> ids.add(change.id.getBytes(StandardCharsets.UTF_8)));
        long size = FIXED_BYTES + name.length + (long) Long.BYTES * unflushed.size();
        for (byte[] id : ids) {
            size += 2 + id.length;
        }
        ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(size))
                .put(VERSION)
                .putLong(store.getMostSignificantBits())
                .putLong(store.getLeastSignificantBits())
                .putLong(position.epoch())
                .putLong(position.number())
                .put((byte) (isComplete ? 1 : 0));
        text(out, name);
        out.putInt(waiting.size());
        ids.subList(0, waiting.size()).forEach(id -> text(out, id));
        out.putInt(unflushed.size());
        for (int i = 0; i < unflushed.size(); i++) {
            out.putLong(unflushed.get(i).number);
            text(out, ids.get(waiting.size() + i));
        }
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
            List<String> waiting = new ArrayList<>();
            for (int count = in.getInt(); count > 0; count--) {
                waiting.add(text(in));
            }
            List<Change> unflushed = new ArrayList<>();
            for (int count = in.getInt(); count > 0; count--) {
                unflushed.add(new Change(in.getLong(), text(in)));
            }
            return new FollowerCommit(store, position, complete, space, waiting, unflushed);
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
