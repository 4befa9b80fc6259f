package io.engram.topology.tick;

/**
 * How long sessions are remembered.
 *
 * @param idleMs a session without a record for this long no longer counts as active, milliseconds
 * @param retentionMs state of a session without open numbers, and tombstones of forgotten memories, are purged after
 *     this time, measured in enqueue time; milliseconds
 * @param openMs how long rejected records are kept, and so a number stays open for one that was rejected; milliseconds
 */
public record SessionConfig(long idleMs, long retentionMs, long openMs) {
    public static final SessionConfig DEFAULT = new SessionConfig(5 * 60_000, 24 * 60 * 60_000, 7 * 24 * 60 * 60_000);

    public SessionConfig {
        if (idleMs < 1) {
            throw new IllegalArgumentException("idleMs < 1: " + idleMs);
        }
        if (retentionMs < 1) {
            throw new IllegalArgumentException("retentionMs < 1: " + retentionMs);
        }
        if (openMs < 1) {
            throw new IllegalArgumentException("openMs < 1: " + openMs);
        }
    }
}
