package io.engram.benchmarks.endtoend;

import java.util.List;

/**
 * What was measured while one load ran.
 *
 * @param name for the report
 * @param observations sent and indexed
 * @param rate indexed per second
 * @param latency seconds from enqueue to insertion, once the load had settled
 * @param recallMs of recalls beside it, milliseconds
 * @param cpuMicrosPerObservation of the instance, everything included
 * @param compilerMicrosPerObservation of that, what compiling took: it fades while the process runs
 * @param machineBusy share of the machine's processor time that was used, by all processes
 * @param rssBytes of the instance at the end
 * @param gcPausesMs of the instance meanwhile
 */
record Phase(
        String name,
        long observations,
        double rate,
        NativeHistogram latency,
        List<Double> recallMs,
        double cpuMicrosPerObservation,
        double compilerMicrosPerObservation,
        double machineBusy,
        long rssBytes,
        List<Double> gcPausesMs) {
    /** Milliseconds. */
    double latencyMs(double quantile) {
        return latency.quantile(quantile) * 1_000;
    }

    double recallMs(double quantile) {
        return quantile(recallMs, quantile);
    }

    double longestPauseMs() {
        return gcPausesMs.stream().mapToDouble(Double::doubleValue).max().orElse(0);
    }

    double allPausesMs() {
        return gcPausesMs.stream().mapToDouble(Double::doubleValue).sum();
    }

    /** The nearest rank; NaN of nothing. */
    static double quantile(List<Double> values, double quantile) {
        if (values.isEmpty()) {
            return Double.NaN;
        }
        List<Double> ordered = values.stream().sorted().toList();
        return ordered.get((int) Math.max(0, Math.ceil(quantile * ordered.size()) - 1));
    }
}
