package io.engram.topology.metrics;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

/** The series of index snapshots and of what restarts made of them. Thread-safe. */
public final class SnapshotMetrics {
    private final Histogram duration;
    private final CounterDataPoint saveFailures;
    private final CounterDataPoint loadFailures;
    private final CounterDataPoint takenOver;
    private final CounterDataPoint confirmed;
    private final CounterDataPoint inserted;
    private final CounterDataPoint dropped;
    private volatile DoubleSupplier age = () -> 0;
    private volatile LongSupplier size = () -> 0;

    SnapshotMetrics(PrometheusRegistry registry) {
        GaugeWithCallback.builder()
                .name(MetricNames.SNAPSHOT_AGE)
                .help("Since the index snapshots on the disk were up to date, of the task where that is longest ago.")
                .callback(out -> out.call(age.getAsDouble()))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.SNAPSHOT_SIZE)
                .help("Bytes of the index snapshots on the disk.")
                .callback(out -> out.call(size.getAsLong()))
                .register(registry);
        duration = Histogram.builder()
                .name(MetricNames.SNAPSHOT_DURATION)
                .help("Writing the index snapshots of one task.")
                .classicUpperBounds(MetricNames.SNAPSHOT_DURATION_BUCKETS.stream()
                        .mapToDouble(Double::doubleValue)
                        .toArray())
                .register(registry);
        Counter failures = Counter.builder()
                .name(MetricNames.SNAPSHOT_FAILURES)
                .help("Index snapshots that could not be saved, or not be used.")
                .labelNames(MetricNames.OPERATION)
                .register(registry);
        saveFailures = failures.labelValues("save");
        loadFailures = failures.labelValues("load");
        Counter restored = Counter.builder()
                .name(MetricNames.INDEX_RESTORED)
                .help(
                        "Memories of indexes being completed: taken over as saved, confirmed by the store, inserted, dropped.")
                .labelNames(MetricNames.OUTCOME)
                .register(registry);
        takenOver = restored.labelValues("taken_over");
        confirmed = restored.labelValues("confirmed");
        inserted = restored.labelValues("inserted");
        dropped = restored.labelValues("dropped");
    }

    public void saved(double seconds) {
        duration.observe(seconds);
    }

    public void saveFailed() {
        saveFailures.inc();
    }

    public void loadFailed() {
        loadFailures.inc();
    }

    /** So many memories of saved indexes need not be looked up. */
    public void takenOver(int memories) {
        takenOver.inc(memories);
    }

    /** A memory of a saved index is in the store exactly so. */
    public void confirmed() {
        confirmed.inc();
    }

    /** A memory of the store was in no saved index. */
    public void inserted() {
        inserted.inc();
    }

    /** A memory of a saved index is not in the store any more. */
    public void dropped() {
        dropped.inc();
    }

    /** What {@code snapshot_age_seconds} reports. */
    public void age(DoubleSupplier seconds) {
        age = seconds;
    }

    /** What {@code snapshot_size_bytes} reports. */
    public void size(LongSupplier bytes) {
        size = bytes;
    }
}
