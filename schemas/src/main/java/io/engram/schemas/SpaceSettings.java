package io.engram.schemas;

import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What {@link Operation#CONFIGURE} sets for one memory space. Whatever is empty stays as it is.
 *
 * @param dimension components of every embedding of the space, {@value Limits#MIN_DIMENSION} to {@value
 *     Limits#MAX_DIMENSION}
 * @param ttlMs memories are forgotten this long after they were enqueued, milliseconds; 0 for never, {@link #DEFAULT} for
 *     what the instances are configured with
 * @param maxMemories beyond this many the oldest are forgotten; 0 for no limit, {@link #DEFAULT} for what the instances
 *     are configured with
 */
public record SpaceSettings(OptionalInt dimension, OptionalLong ttlMs, OptionalLong maxMemories) {
    /** Takes a setting back; {@code null} in JSON. */
    public static final long DEFAULT = -1;

    /** Changes nothing. */
    public static final SpaceSettings NONE =
            new SpaceSettings(OptionalInt.empty(), OptionalLong.empty(), OptionalLong.empty());

    /** Fixes the dimension. */
    public static SpaceSettings ofDimension(int dimension) {
        return new SpaceSettings(OptionalInt.of(dimension), OptionalLong.empty(), OptionalLong.empty());
    }

    /** Sets how long and how many memories are kept. */
    public static SpaceSettings ofRetention(OptionalLong ttlMs, OptionalLong maxMemories) {
        return new SpaceSettings(OptionalInt.empty(), ttlMs, maxMemories);
    }
}
