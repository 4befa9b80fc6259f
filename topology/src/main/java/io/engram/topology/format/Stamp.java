package io.engram.topology.format;

import io.engram.schemas.Lane;
import java.nio.ByteBuffer;

/**
 * When and where a change was first appended: what decides between two changes of the same thing.
 *
 * <pre>
 * big-endian
 * offset size  field
 * 0      8     enqueue time, epoch ms; 0 = there was no change
 * 8      1     lane
 * 9      8     source offset, -1 = there was no change
 * </pre>
 *
 * @param atMs epoch ms
 * @param offset on the lane
 */
public record Stamp(long atMs, Lane lane, long offset) {
    /** There was no change. */
    public static final Stamp NEVER = new Stamp(0, Lane.HIGH, -1);

    /** What the clocks of two brokers of one lane may differ by. */
    public static final long CLOCKS_DIFFER_MS = 60_000;

    static final int SIZE = Long.BYTES + 1 + Long.BYTES;

    void writeTo(ByteBuffer out) {
        out.putLong(atMs).put((byte) lane.ordinal()).putLong(offset);
    }

    static Stamp readFrom(ByteBuffer in) {
        return new Stamp(in.getLong(), Lane.ALL.get(in.get()), in.getLong());
    }
}
