package io.engram.topology.admission;

import io.engram.schemas.BackpressureStatus;
import io.engram.topology.admission.LaneDepths.LanePartition;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The latest status of each lane and partition that is processed here. Thread-safe. */
public final class BackpressureBoard {
    private record Entry(BackpressureLevel level, BackpressureStatus status) {}

    private final Map<LanePartition, Entry> entries = new ConcurrentHashMap<>();

    public void publish(LanePartition partition, BackpressureLevel level, BackpressureStatus status) {
        entries.put(partition, new Entry(level, status));
    }

    /** The partition is processed elsewhere now. */
    public void remove(LanePartition partition) {
        entries.remove(partition);
    }

    /** The worst level of all. */
    public BackpressureLevel worstLevel() {
        BackpressureLevel worst = BackpressureLevel.NORMAL;
        for (Entry entry : entries.values()) {
            worst = worst.or(entry.level());
        }
        return worst;
    }

    /** The status of one partition of one lane, when it is processed here. */
    public Optional<BackpressureStatus> status(LanePartition partition) {
        return Optional.ofNullable(entries.get(partition)).map(Entry::status);
    }

    /** A copy of all statuses. */
    public Map<LanePartition, BackpressureStatus> statuses() {
        Map<LanePartition, BackpressureStatus> statuses = new ConcurrentHashMap<>();
        entries.forEach((partition, entry) -> statuses.put(partition, entry.status()));
        return statuses;
    }
}
