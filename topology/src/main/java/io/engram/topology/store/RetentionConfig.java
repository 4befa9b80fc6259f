package io.engram.topology.store;

import io.engram.topology.format.SpaceRecord;

/**
 * What spaces keep unless they say otherwise.
 *
 * @param ttlMs memories are forgotten this long after they were enqueued, milliseconds; 0 for never
 * @param maxMemories beyond this many the oldest of a space are forgotten; 0 for no limit
 */
public record RetentionConfig(long ttlMs, long maxMemories) {
    /** Everything is kept. */
    public static final RetentionConfig NONE = new RetentionConfig(0, 0);

    /** A time that does not come. */
    public static final long NEVER = Long.MAX_VALUE;

    public RetentionConfig {
        if (ttlMs < 0) {
            throw new IllegalArgumentException("ttlMs < 0: " + ttlMs);
        }
        if (maxMemories < 0) {
            throw new IllegalArgumentException("maxMemories < 0: " + maxMemories);
        }
    }

    /** What holds for that space. */
    public RetentionConfig of(SpaceRecord space) {
        return space.hasRetention()
                ? new RetentionConfig(
                        space.ttlMs().orElse(ttlMs), space.maxMemories().orElse(maxMemories))
                : this;
    }

    /** True when anything is ever forgotten. */
    public boolean isLimited() {
        return ttlMs > 0 || maxMemories > 0;
    }

    /** When a memory enqueued at that time becomes too old, epoch ms; {@link #NEVER} when it does not. */
    public long expiryMs(long enqueuedAtMs) {
        return ttlMs == 0 || enqueuedAtMs > NEVER - ttlMs ? NEVER : enqueuedAtMs + ttlMs;
    }

    /** True when a memory enqueued at that time is too old. */
    public boolean hasExpired(long enqueuedAtMs, long nowMs) {
        return ttlMs > 0 && nowMs - enqueuedAtMs >= ttlMs;
    }
}
