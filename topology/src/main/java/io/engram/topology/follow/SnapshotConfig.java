package io.engram.topology.follow;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where and when indexes are saved.
 *
 * @param directory holds one directory a task; empty for no snapshots. It must not be inside the directories of Kafka
 *     Streams, which are wiped after an unclean stop
 * @param intervalMs a changed index is saved after this time at the latest, milliseconds, 1 or more
 * @param changes a partition is saved earlier after this many changes, 1 or more
 */
public record SnapshotConfig(Optional<Path> directory, long intervalMs, long changes) {
    /** No snapshots. */
    public static final SnapshotConfig NONE = new SnapshotConfig(Optional.empty(), 60_000, 100_000);

    public SnapshotConfig {
        if (intervalMs < 1) {
            throw new IllegalArgumentException("intervalMs < 1: " + intervalMs);
        }
        if (changes < 1) {
            throw new IllegalArgumentException("changes < 1: " + changes);
        }
    }
}
