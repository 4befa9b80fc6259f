package io.engram.topology.metrics;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.datapoints.GaugeDataPoint;

/** The series of one index worker. Thread-safe. */
public final class WorkerMetrics {
    /** The values of {@code error_type}: what the index refused, what the store could not read, anything else. */
    public enum ErrorType {
        INSERT("insert"),
        READ("read"),
        INTERNAL("internal");

        private final String label;

        ErrorType(String label) {
            this.label = label;
        }
    }

    private final CounterDataPoint batches;
    private final CounterDataPoint stolen;
    private final DistributionDataPoint batchSize;
    private final GaugeDataPoint utilization;
    private final CounterDataPoint[] failures;

    WorkerMetrics(EngramMetrics catalogue, String workerId) {
        batches = catalogue.batchesProcessed.labelValues(workerId);
        stolen = catalogue.workStolen.labelValues(workerId);
        batchSize = catalogue.batchSize.labelValues(workerId);
        utilization = catalogue.workerUtilization.labelValues(workerId);
        ErrorType[] types = ErrorType.values();
        failures = new CounterDataPoint[types.length];
        for (ErrorType type : types) {
            failures[type.ordinal()] = catalogue.batchFailures.labelValues(workerId, type.label);
        }
    }

    /** A batch of that many items was worked off. */
    public void batchProcessed(int items) {
        batches.inc();
        batchSize.observe(items);
    }

    public void batchStolen() {
        stolen.inc();
    }

    public void batchFailed(ErrorType type) {
        failures[type.ordinal()].inc();
    }

    /** Busy share of the last window, 0 to 100. */
    public void utilization(double percent) {
        utilization.set(percent);
    }
}
