package io.engram.topology.store;

/**
 * What is to be done with a space at a time. Each kind has its own keys, for each goes by its own clock:
 *
 * <pre>
 * 'u' | kind (1) | time (8, big-endian) | space (UTF-8)
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
    EXPIRY('e');

    private final byte code;

    DueKind(char code) {
        this.code = (byte) code;
    }

    byte code() {
        return code;
    }
}
