package io.engram.topology.format;

import io.engram.schemas.Lane;
import java.util.List;
import java.util.Optional;

/**
 * What is to be done with a space or a session at a time. Each kind has its own keys, for each goes by its own clock:
 *
 * <pre>
 * 'u' | kind (1) | time (8, big-endian) | space, or what tells the session (UTF-8)
 * </pre>
 */
public enum DueKind {
    /** Memories that a drop hides are to be deleted, at once: the time is a round. Value: {@link DropMark}. */
    SWEEP('s'),
    /** A drop may be forgotten once nothing enqueued before it can come any more; the time is that of the drop. Value: {@link DropMark}. */
    DROP('d'),
    /** Retention has something to do with the space, at once: the time is a round. No value. */
    LIMIT('l'),
    /** The oldest memory of the space becomes too old, or did so before it was replaced. No value. */
    EXPIRY('e'),
    /** Open numbers of a session may be too old: the time is when the oldest was opened, by the broker. No value. */
    OPEN('o'),
    /** As {@link #OPEN}, of an earlier incarnation. No value. */
    RETIRED('r'),
    /** A session of the lane may be without activity for long: the time is when it last had any, or was touched, to some seconds. No value. */
    IDLE_HIGH('0'),
    /** As {@link #IDLE_HIGH}. */
    IDLE_NORMAL('1'),
    /** As {@link #IDLE_HIGH}. */
    IDLE_LOW('2');

    /** Kinds whose keys speak of spaces. */
    static final List<DueKind> OF_SPACES = List.of(SWEEP, DROP, LIMIT, EXPIRY);

    /** Kinds whose keys speak of sessions. */
    public static final List<DueKind> OF_SESSIONS = List.of(OPEN, RETIRED, IDLE_HIGH, IDLE_NORMAL, IDLE_LOW);

    private final byte code;

    DueKind(char code) {
        this.code = (byte) code;
    }

    /** The kind of a session of that lane without activity. */
    public static DueKind idle(Lane lane) {
        return switch (lane) {
            case HIGH -> IDLE_HIGH;
            case NORMAL -> IDLE_NORMAL;
            case LOW -> IDLE_LOW;
        };
    }

    /** Of a kind that goes by a lane's enqueue times. */
    public Optional<Lane> lane() {
        return Lane.ALL.stream().filter(lane -> idle(lane) == this).findFirst();
    }

    /** True for kinds that speak of open numbers. */
    public boolean isOpen() {
        return this == OPEN || this == RETIRED;
    }

    byte code() {
        return code;
    }
}
