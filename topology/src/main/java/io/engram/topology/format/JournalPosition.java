package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.util.Comparator;

/**
 * A place in the journal of a store: everything up to it was changed before everything behind it.
 *
 * @param epoch of the opening of the store, 1 or more; 0 is before all
 * @param number of the change within the epoch, from 1 on; 0 is before all
 */
public record JournalPosition(long epoch, long number) implements Comparable<JournalPosition> {
    /** Before every change. */
    public static final JournalPosition START = new JournalPosition(0, 0);

    private static final Comparator<JournalPosition> ORDER =
            Comparator.comparingLong(JournalPosition::epoch).thenComparingLong(JournalPosition::number);

    public JournalPosition {
        if (epoch < 0 || number < 0) {
            throw new IllegalArgumentException("not a position of a journal: " + epoch + ", " + number);
        }
    }

    /** Sixteen bytes, big-endian: epoch, number. */
    public byte[] encode() {
        return ByteBuffer.allocate(2 * Long.BYTES)
                .putLong(epoch)
                .putLong(number)
                .array();
    }

    public static JournalPosition decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        return new JournalPosition(in.getLong(), in.getLong());
    }

    @Override
    public int compareTo(JournalPosition that) {
        return ORDER.compare(this, that);
    }
}
