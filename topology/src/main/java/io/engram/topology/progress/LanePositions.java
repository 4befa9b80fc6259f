package io.engram.topology.progress;

import io.engram.schemas.Lane;
import io.engram.topology.format.StoreKeys;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;

/**
 * Up to which source offset each lane of a partition is processed, as the store holds it: whoever restores the store knows
 * what is in it.
 *
 * <pre>
 * offset size  field
 * 0      1     version = 1
 * 1      8×3   last processed offset of high, normal, low; -1 = none
 * </pre>
 */
public final class LanePositions {
    /** Nothing was processed. */
    public static final LanePositions NONE = new LanePositions(new long[] {-1, -1, -1});

    private static final byte VERSION = 1;

    private final long[] offsets;

    private LanePositions(long[] offsets) {
        this.offsets = offsets;
    }

    /** Positions by lane; lanes that are missing keep what {@code before} says. */
    public static LanePositions of(LanePositions before, Map<Lane, Long> lastProcessed) {
        long[] offsets = before.offsets.clone();
        lastProcessed.forEach((lane, offset) -> offsets[lane.ordinal()] = Math.max(offsets[lane.ordinal()], offset));
        return new LanePositions(offsets);
    }

    /** The same with another position for that lane, further or back; -1 for none. */
    public LanePositions with(Lane lane, long lastProcessed) {
        long[] changed = offsets.clone();
        changed[lane.ordinal()] = lastProcessed;
        return new LanePositions(changed);
    }

    /** The last processed offset, -1 for none. */
    public long of(Lane lane) {
        return offsets[lane.ordinal()];
    }

    /** The key under which the store and its changelog have them. */
    public static byte[] storeKey() {
        return StoreKeys.POSITIONS.get().clone();
    }

    /** True when no lane is further in the other one. */
    public boolean isAtLeast(LanePositions that) {
        for (int i = 0; i < offsets.length; i++) {
            if (offsets[i] < that.offsets[i]) {
                return false;
            }
        }
        return true;
    }

    /** The bytes of it, as the layout says. */
    public byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(1 + offsets.length * Long.BYTES).put(VERSION);
        for (long offset : offsets) {
            out.putLong(offset);
        }
        return out.array();
    }

    /**
     * What the store or its changelog has under that key.
     *
     * @throws IllegalArgumentException when it is of another version
     */
    public static LanePositions decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("lane positions of version " + version + ", expected " + VERSION);
        }
        long[] offsets = new long[Lane.ALL.size()];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = in.getLong();
        }
        return new LanePositions(offsets);
    }

    @Override
    public boolean equals(Object that) {
        return that instanceof LanePositions positions && Arrays.equals(offsets, positions.offsets);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(offsets);
    }

    @Override
    public String toString() {
        return Arrays.toString(offsets);
    }
}
