package io.engram.topology.metrics;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/** An instance as a member of its cluster: what it holds, how far behind it is, what it answered. Thread-safe. */
public final class InstanceMetrics {
    /** The values of {@code outcome}: what became of a request for a recall. */
    public enum RequestOutcome {
        ANSWERED("answered"),
        /** Some of the spaces asked for did not answer. */
        PARTIAL("partial"),
        /** The client's fault. */
        INVALID("invalid"),
        /** Too many requests at once. */
        THROTTLED("throttled"),
        /** Nobody could serve. */
        UNAVAILABLE("unavailable"),
        /** Offsets that were waited for did not come in time. */
        TIMEOUT("timeout"),
        /** The client left before it had its answer. */
        CLIENT_CLOSED("client_closed"),
        FAILED("failed");

        private final String label;

        RequestOutcome(String label) {
            this.label = label;
        }

        /** The outcome of an HTTP status. */
        public static RequestOutcome ofStatus(int status) {
            return switch (status) {
                case 200 -> ANSWERED;
                case 429 -> THROTTLED;
                case 499 -> CLIENT_CLOSED;
                case 503 -> UNAVAILABLE;
                case 504 -> TIMEOUT;
                default -> status >= 400 && status < 500 ? INVALID : FAILED;
            };
        }
    }

    private final Map<RequestOutcome, CounterDataPoint> recalls = new EnumMap<>(RequestOutcome.class);
    private final Info build;
    private volatile Supplier<Map<String, Integer>> partitions = Map::of;
    private volatile IntSupplier configuredPartitions = () -> 0;
    private volatile Supplier<Map<Integer, Long>> standbyLags = Map::of;
    private volatile BooleanSupplier ready = () -> false;
    private volatile IntSupplier expectedThreads = () -> 0;
    private volatile IntSupplier aliveThreads = () -> 0;
    private volatile Supplier<Map<String, Integer>> topicProblems = Map::of;
    private volatile Supplier<Optional<Long>> stateDirFree = Optional::empty;
    private volatile Supplier<Optional<Long>> stateDirSize = Optional::empty;
    private volatile IntSupplier heldThreads = () -> 0;
    private volatile Supplier<OptionalLong> clockSkewMs = OptionalLong::empty;

    InstanceMetrics(PrometheusRegistry registry) {
        Counter counter = Counter.builder()
                .name(MetricNames.RECALLS)
                .help("Recalls that clients sent to this instance, by what became of them.")
                .labelNames(MetricNames.OUTCOME)
                .register(registry);
        for (RequestOutcome outcome : RequestOutcome.values()) {
            recalls.put(outcome, counter.labelValues(outcome.label));
        }
        GaugeWithCallback.builder()
                .name(MetricNames.PARTITIONS)
                .help("Partitions that this instance holds: active, standby, or loading (cannot answer yet).")
                .labelNames(MetricNames.ROLE)
                .callback(out -> partitions.get().forEach((role, count) -> out.call(count, role)))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.PARTITIONS_CONFIGURED)
                .help("Partitions of each lane, as configured; the same at every instance.")
                .callback(out -> out.call(configuredPartitions.getAsInt()))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.STANDBY_LAG)
                .help("Records that a standby here is behind its changelog and its index.")
                .labelNames(MetricNames.PARTITION)
                .callback(out ->
                        standbyLags.get().forEach((partition, lag) -> out.call(lag, Integer.toString(partition))))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.CLOCK_SKEW)
                .help(
                        "How far this instance's clock is ahead of the broker's, seconds; absent while the broker's time is"
                                + " not known, and nothing is deleted for its age.")
                .callback(out -> clockSkewMs.get().ifPresent(ms -> out.call(ms / 1_000.0)))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.READY)
                .help("1 while the instance is ready for recall, else 0.")
                .callback(out -> out.call(ready.getAsBoolean() ? 1 : 0))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.THREADS)
                .help("Long-lived threads of the instance: those that should live (expected), and that do (alive).")
                .labelNames(MetricNames.STATE)
                .callback(out -> {
                    out.call(expectedThreads.getAsInt(), "expected");
                    out.call(aliveThreads.getAsInt(), "alive");
                })
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.TOPIC_PROBLEMS)
                .help(
                        "Topics that were changed under the instance, or do not fit, by what is wrong; 0 when all is well.")
                .labelNames(MetricNames.PROBLEM)
                .callback(out -> topicProblems.get().forEach((problem, count) -> out.call(count, problem)))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.STATE_DIR_FREE)
                .help("Bytes that can still be written on the disk of state.dir; absent while that is not known.")
                .callback(out -> stateDirFree.get().ifPresent(out::call))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.STATE_DIR_SIZE)
                .help("Bytes of the whole disk of state.dir; absent while that is not known.")
                .callback(out -> stateDirSize.get().ifPresent(out::call))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.STREAM_THREADS_HELD)
                .help("Stream threads that ended because state.dir could not be written, and wait for room.")
                .callback(out -> out.call(heldThreads.getAsInt()))
                .register(registry);
        build = Info.builder()
                .name(MetricNames.BUILD)
                .help("What runs here.")
                .labelNames(MetricNames.VERSION)
                .register(registry);
    }

    /** A recall that a client sent here is over. */
    public void recalled(RequestOutcome outcome) {
        recalls.get(outcome).inc();
    }

    /** The version that runs here. */
    public void version(String version) {
        build.setLabelValues(version);
    }

    /** What {@code partitions} and {@code partitions_configured} report. */
    public void partitions(Supplier<Map<String, Integer>> byRole, IntSupplier configured) {
        partitions = byRole;
        configuredPartitions = configured;
    }

    /** What {@code standby_lag_records} reports, by partition. */
    public void standbyLags(Supplier<Map<Integer, Long>> lags) {
        standbyLags = lags;
    }

    /** What {@code threads} reports. */
    public void threads(IntSupplier expected, IntSupplier alive) {
        expectedThreads = expected;
        aliveThreads = alive;
    }

    /** What {@code topic_problems} reports, by problem. */
    public void topicProblems(Supplier<Map<String, Integer>> problems) {
        topicProblems = problems;
    }

    /** What {@code state_dir_free_bytes}, {@code state_dir_size_bytes} and {@code stream_threads_held} report. */
    public void stateDir(Supplier<Optional<Long>> freeBytes, Supplier<Optional<Long>> sizeBytes, IntSupplier held) {
        stateDirFree = freeBytes;
        stateDirSize = sizeBytes;
        heldThreads = held;
    }

    /** What {@code clock_skew_seconds} reports: this machine's clock minus the broker's, milliseconds; empty while unknown. */
    public void clockSkew(Supplier<OptionalLong> ms) {
        clockSkewMs = ms;
    }

    /** What {@code ready} reports. */
    public void ready(BooleanSupplier isReady) {
        ready = isReady;
    }
}
