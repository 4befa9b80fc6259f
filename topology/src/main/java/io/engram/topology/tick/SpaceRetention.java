package io.engram.topology.tick;

import io.engram.topology.format.SpaceRecord;
import java.util.OptionalLong;

/** What time has to do with the limits of spaces. Belongs to the stream thread. */
public interface SpaceRetention {
    /**
     * Goes on with what there is to do, for a few milliseconds.
     *
     * @param brokerMs the broker's time; while it is unknown nothing is too old
     */
    void tick(OptionalLong brokerMs);

    /** All that was dropped with a space is deleted. */
    void swept(String space, SpaceRecord record);
}
