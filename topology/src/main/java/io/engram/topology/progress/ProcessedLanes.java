package io.engram.topology.progress;

import io.engram.topology.admission.LaneDepths.LanePartition;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The progress of every lane and partition that is processed on this instance, for whoever reads the lanes. Thread-safe. */
public final class ProcessedLanes {
    private final Map<LanePartition, LaneProgress> lanes = new ConcurrentHashMap<>();

    /** The partition is processed here from now on. */
    public void started(int partition, LaneProgress progress) {
        lanes.put(new LanePartition(progress.lane(), partition), progress);
    }

    /** The partition is processed here no more, unless it was started anew meanwhile. */
    public void ended(int partition, LaneProgress progress) {
        lanes.remove(new LanePartition(progress.lane(), partition), progress);
    }

    /** How far that partition is, when it is processed here. */
    public Optional<LaneProgress> of(LanePartition partition) {
        return Optional.ofNullable(lanes.get(partition));
    }
}
