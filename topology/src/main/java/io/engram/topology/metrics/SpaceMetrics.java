package io.engram.topology.metrics;

import io.engram.schemas.Lane;
import io.engram.schemas.RejectionReason;
import io.engram.topology.admission.BackpressureLevel;
import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.datapoints.GaugeDataPoint;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** The series of one memory space. Thread-safe. */
public final class SpaceMetrics {
    /** The values of {@code cause}: why retention forgot a memory. */
    public enum Expiry {
        TTL("ttl"),
        MAX_MEMORIES("max_memories");

        private final String label;

        Expiry(String label) {
            this.label = label;
        }
    }

    private final String label;
    private final Map<Lane, CounterDataPoint> observations = new EnumMap<>(Lane.class);
    private final Map<RejectionReason, CounterDataPoint> rejected = new EnumMap<>(RejectionReason.class);
    private final Map<BackpressureLevel, CounterDataPoint> activations = new EnumMap<>(BackpressureLevel.class);
    private final Map<Expiry, CounterDataPoint> expired = new EnumMap<>(Expiry.class);
    private final CounterDataPoint redeliveredDropped;
    private final CounterDataPoint superseded;
    private final CounterDataPoint forgetsUnknown;
    private final GaugeDataPoint state;
    private final DistributionDataPoint observationLatency;
    private final DistributionDataPoint recallLatency;
    // Spaces beyond the cap share one object, so a state may have several contributors.
    private final Map<Integer, BackpressureLevel> levels = new ConcurrentHashMap<>();
    // Since the last review.
    private final LongAdder seen = new LongAdder();
    // Belong to the catalogue's reviews: what was seen in a review and, by half each, in those before it; and when
    // last.
    private long traffic;
    private long seenAtMs;

    /** @param nowMs by the clock of the reviews */
    SpaceMetrics(EngramMetrics catalogue, String label, long nowMs) {
        this.label = label;
        this.seenAtMs = nowMs;
        Lane.ALL.forEach(lane -> observations.put(lane, catalogue.observations.labelValues(label, lane.label())));
        RejectionReason.ALL.forEach(
                reason -> rejected.put(reason, catalogue.rejected.labelValues(label, reason.label())));
        BackpressureLevel.ALL.forEach(
                level -> activations.put(level, catalogue.activations.labelValues(label, level.label())));
        for (Expiry cause : Expiry.values()) {
            expired.put(cause, catalogue.expired.labelValues(label, cause.label));
        }
        redeliveredDropped = catalogue.redeliveredDropped.labelValues(label);
        superseded = catalogue.superseded.labelValues(label);
        forgetsUnknown = catalogue.forgetsUnknown.labelValues(label);
        state = catalogue.backpressureState.labelValues(label);
        observationLatency = catalogue.observationLatency.labelValues(label);
        recallLatency = catalogue.recallLatency.labelValues(label);
    }

    /** An observation reached the index, {@code seconds} after it was enqueued. */
    public void observed(Lane lane, double seconds) {
        observations.get(lane).inc();
        observationLatency.observe(seconds);
    }

    public void rejected(RejectionReason reason) {
        rejected.get(reason).inc();
    }

    public void superseded() {
        superseded.inc();
    }

    /** Retention forgot a memory. */
    public void expired(Expiry cause) {
        expired.get(cause).inc();
    }

    /** A redelivered record was dropped, because its number had been taken meanwhile, or its memory says the same. */
    public void redeliveredDropped() {
        redeliveredDropped.inc();
    }

    public void forgetUnknown() {
        forgetsUnknown.inc();
    }

    /** A recall took so long, all in. */
    public void recalled(double seconds) {
        recallLatency.observe(seconds);
    }

    /** The level of the space's partition changed. */
    public void transition(int partition, BackpressureLevel level) {
        activations.get(level).inc();
        level(partition, level);
    }

    /** The level of the space's partition, without a transition. */
    public void level(int partition, BackpressureLevel level) {
        levels.put(partition, level);
        state.set(levels.values().stream()
                .mapToInt(BackpressureLevel::ordinal)
                .max()
                .orElse(0));
    }

    /** The partition is processed elsewhere now. */
    public void forgetLevel(int partition) {
        levels.remove(partition);
        state.set(levels.values().stream()
                .mapToInt(BackpressureLevel::ordinal)
                .max()
                .orElse(0));
    }

    boolean hasLevel(int partition) {
        return levels.containsKey(partition);
    }

    /** True while a partition of the space is processed here. */
    boolean hasLevels() {
        return !levels.isEmpty();
    }

    /** A record or recall of the space. */
    void seen() {
        seen.increment();
    }

    /** Takes account of what was seen since the last review. */
    void review(long nowMs) {
        long now = seen.sumThenReset();
        traffic = traffic / 2 + now;
        if (now > 0) {
            seenAtMs = nowMs;
        }
    }

    /** Records and recalls lately, as of the last review. */
    long traffic() {
        return traffic;
    }

    /** When there was traffic last, as of the last review. */
    long seenAtMs() {
        return seenAtMs;
    }

    /** The value of {@code memory_space}. */
    String label() {
        return label;
    }

    /** Takes the series out of the catalogue; what is counted from now on nobody sees. */
    void removeSeries(EngramMetrics catalogue) {
        Lane.ALL.forEach(lane -> catalogue.observations.remove(label, lane.label()));
        RejectionReason.ALL.forEach(reason -> catalogue.rejected.remove(label, reason.label()));
        BackpressureLevel.ALL.forEach(level -> catalogue.activations.remove(label, level.label()));
        for (Expiry cause : Expiry.values()) {
            catalogue.expired.remove(label, cause.label);
        }
        catalogue.redeliveredDropped.remove(label);
        catalogue.superseded.remove(label);
        catalogue.forgetsUnknown.remove(label);
        catalogue.backpressureState.remove(label);
        catalogue.observationLatency.remove(label);
        catalogue.recallLatency.remove(label);
    }
}
