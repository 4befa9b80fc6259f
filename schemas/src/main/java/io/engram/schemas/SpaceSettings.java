package io.engram.schemas;

import java.util.OptionalInt;

/**
 * What {@link Operation#CONFIGURE} sets for one memory space.
 *
 * @param dimension components of every embedding of the space, {@value Limits#MIN_DIMENSION} to {@value
 *     Limits#MAX_DIMENSION}; empty leaves it as it is
 */
public record SpaceSettings(OptionalInt dimension) {
    /** Changes nothing. */
    public static final SpaceSettings NONE = new SpaceSettings(OptionalInt.empty());
}
