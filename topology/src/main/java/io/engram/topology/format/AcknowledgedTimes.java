package io.engram.topology.format;

import io.engram.schemas.Lane;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;

/**
 * Up to which enqueue time of each lane of a partition all that concerned sessions was acknowledged, by acknowledgements of the
 * same transaction or earlier ones.
 *
 * <pre>
 * offset size  field
 * 0      1     version = 1
 * 1      8×3   enqueue time of high, normal, low, epoch ms; -1 = unknown
 * </pre>
 *
 * @param times by lane, as the layout says
 */
public record AcknowledgedTimes(List<Long> times) {
    private static final byte VERSION = 1;
    private static final long UNKNOWN = -1;

    /** Of no lane anything is known. */
    public static final AcknowledgedTimes NONE = new AcknowledgedTimes(Collections.nCopies(Lane.ALL.size(), UNKNOWN));

    public AcknowledgedTimes {
        times = List.copyOf(times);
    }

    /** Epoch ms; empty while it is unknown. */
    public OptionalLong of(Lane lane) {
        long ms = times.get(lane.ordinal());
        return ms == UNKNOWN ? OptionalLong.empty() : OptionalLong.of(ms);
    }

    /**
     * The same with another time for that lane.
     *
     * @param ms epoch ms
     */
    public AcknowledgedTimes with(Lane lane, long ms) {
        List<Long> changed = new ArrayList<>(times);
        changed.set(lane.ordinal(), ms);
        return new AcknowledgedTimes(changed);
    }

    public byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(1 + times.size() * Long.BYTES).put(VERSION);
        times.forEach(out::putLong);
        return out.array();
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException when the bytes are of another version
     */
    public static AcknowledgedTimes decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("acknowledged times of version " + version + ", expected " + VERSION);
        }
        List<Long> times = new ArrayList<>();
        for (int i = 0; i < Lane.ALL.size(); i++) {
            times.add(in.getLong());
        }
        return new AcknowledgedTimes(times);
    }
}
