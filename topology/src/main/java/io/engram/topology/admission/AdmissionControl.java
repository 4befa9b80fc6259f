package io.engram.topology.admission;

import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.Lane;
import java.util.EnumMap;
import java.util.Map;

/**
 * The backpressure of one partition, lane by lane.
 *
 * <p>Pressure on a lane is the smaller of two ratios: how full the lane is on this instance, and how far the partition is
 * above its even share of it. So one busy space may fill an idle lane, and once the lane is full only those above their
 * share are shed.
 *
 * <p>{@link #evaluate} and {@link #status} belong to the stream thread; {@link #level} may be read from any.
 */
public final class AdmissionControl {
    private final AdmissionConfig config;
    private final LaneDepths depths;
    private final int totalPartitions;
    private final IndexMemory memory;
    private final Map<Lane, LaneState> lanes = new EnumMap<>(Lane.class);

    private static final class LaneState {
        final PartitionDepth depth;
        final DrainRate rate;
        final LevelTracker tracker;
        volatile BackpressureLevel level = BackpressureLevel.NORMAL;
        double pressure;
        long laneDepth;
        long laneCapacity;

        LaneState(PartitionDepth depth, DrainRate rate, AdmissionConfig config) {
            this.depth = depth;
            this.rate = rate;
            this.tracker = new LevelTracker(config);
        }
    }

    /**
     * @param depths of this instance
     * @param own this partition's, one per lane
     * @param rates this instance's, one per lane
     * @param totalPartitions of each lane across the cluster, 1 or more
     * @param memory of the indexes of this instance
     */
    public AdmissionControl(
            AdmissionConfig config,
            LaneDepths depths,
            Map<Lane, PartitionDepth> own,
            Map<Lane, DrainRate> rates,
            int totalPartitions,
            IndexMemory memory) {
        this.memory = memory;
        this.config = config;
        this.depths = depths;
        this.totalPartitions = totalPartitions;
        Lane.ALL.forEach(lane -> lanes.put(lane, new LaneState(own.get(lane), rates.get(lane), config)));
    }

    /**
     * Measures the lane anew.
     *
     * @return true when its level changed
     */
    public boolean evaluate(Lane lane, long nowMs) {
        LaneState state = lanes.get(lane);
        double evenShare = (double) config.capacity(lane) / totalPartitions;
        state.laneDepth = depths.depth(lane);
        state.laneCapacity = Math.max(1, Math.round(evenShare * Math.max(1, depths.assignedPartitions(lane))));
        state.pressure =
                Math.min((double) state.laneDepth / state.laneCapacity, state.depth.depth() / Math.max(1, evenShare));
        if (memory.isFull()) {
            state.pressure = Math.max(1, state.pressure);
        }
        state.rate.perSecond(nowMs); // sampled steadily, so that it is known when it is asked for
        BackpressureLevel before = state.level;
        state.level = state.tracker.update(state.pressure, nowMs);
        return before != state.level;
    }

    /** The level of the lane on this partition as of the last {@link #evaluate}. */
    public BackpressureLevel level(Lane lane) {
        return lanes.get(lane).level;
    }

    /** The worst level of the partition's lanes. */
    public BackpressureLevel worstLevel() {
        BackpressureLevel worst = BackpressureLevel.NORMAL;
        for (Lane lane : Lane.ALL) {
            worst = worst.or(level(lane));
        }
        return worst;
    }

    /** True when an observation on that lane is to be shed. */
    public boolean sheds(Lane lane) {
        boolean overloaded = level(lane) == BackpressureLevel.OVERLOADED;
        // What Kafka holds can wait; what no memory holds cannot be taken, whatever the policy.
        return overloaded && (config.policy() == AdmissionConfig.Policy.REJECT || memory.isFull());
    }

    /** Why an observation is shed, and what helps. */
    public String explain(Lane lane, long retryAfterMs) {
        return memory.isFull()
                ? ("the index memory of this instance is full (%d of %d bytes); set a retention for the spaces, add instances,"
                                + " or raise index.max-memory and the heap")
                        .formatted(memory.used(), memory.limit())
                : "lane %s is overloaded; try again in %d ms".formatted(lane.label(), retryAfterMs);
    }

    /** Milliseconds until the lane is half empty at the measured rate; at least 100, at most the configured cap. */
    public long retryAfterMs(Lane lane, long nowMs) {
        LaneState state = lanes.get(lane);
        if (memory.isFull()) {
            return config.maxRetryAfterMs();
        }
        double excess = state.laneDepth - 0.5 * state.laneCapacity;
        double rate = state.rate.perSecond(nowMs);
        double ms = rate > 0 ? excess / rate * 1_000 : config.maxRetryAfterMs();
        return (long) Math.max(Math.min(100, config.maxRetryAfterMs()), Math.min(ms, config.maxRetryAfterMs()));
    }

    /** What the topic of backpressure and {@code /v1/backpressure} say of the lane. */
    public BackpressureStatus status(Lane lane, long nowMs) {
        LaneState state = lanes.get(lane);
        return new BackpressureStatus(
                state.level.label(),
                state.laneDepth,
                state.laneCapacity,
                Math.round(state.pressure * 1_000) / 1_000.0,
                memory.isFull() ? BackpressureStatus.MEMORY : BackpressureStatus.LANE,
                state.level == BackpressureLevel.OVERLOADED ? retryAfterMs(lane, nowMs) : 0);
    }
}
