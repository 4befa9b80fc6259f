package io.engram.topology.metrics;

import io.engram.schemas.Lane;
import io.engram.topology.admission.BackpressureLevel;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/**
 * The metric catalogue of one process. Everything is there from the start, at zero; the hot paths hold on to the {@link
 * SpaceMetrics}, {@link WorkerMetrics} and data points they use, so that counting neither looks up nor allocates.
 * Thread-safe.
 */
public final class EngramMetrics {
    /** How many spaces have series of their own at a time unless configured otherwise. */
    public static final int DEFAULT_MAX_SPACES = 1_000;

    final Counter observations;
    final Counter rejected;
    final Counter activations;
    final Counter superseded;
    final Counter forgetsUnknown;
    final Counter expired;
    final Counter redeliveredDropped;
    final Gauge backpressureState;
    final Histogram observationLatency;
    final Histogram recallLatency;
    final Counter batchesProcessed;
    final Counter batchFailures;
    final Counter workStolen;
    final Histogram batchSize;
    final Gauge workerUtilization;

    private final Counter redelivered;
    private final Counter expiredRecords;
    private final Counter rejectionsTruncated;
    private final SpaceLabels labels;
    private final Map<String, Long> indexSizes = new ConcurrentHashMap<>();
    private final LongAdder indexSize = new LongAdder();
    private final Map<String, WorkerMetrics> workers = new ConcurrentHashMap<>();
    private final Map<Lane, DistributionDataPoint> queueWait = new EnumMap<>(Lane.class);
    private final SnapshotMetrics snapshots;
    private final InstanceMetrics instance;
    private final SpaceMetrics other;
    private final SpaceMetrics invalid;
    private volatile ToLongFunction<Lane> queueDepth = lane -> 0;
    private volatile ToLongFunction<Lane> laneBlocked = lane -> 0;
    private volatile ToLongFunction<Lane> laneStalledMs = lane -> 0;
    private volatile ToLongFunction<Lane> queueCapacity = lane -> 0;
    private volatile LongSupplier queueMemory = () -> 0;
    private volatile LongSupplier activeSessions = () -> 0;
    private volatile LongSupplier indexMemory = () -> 0;
    private volatile LongSupplier indexMemoryLimit = () -> 0;

    /**
     * @param registry what {@code /metrics} scrapes
     * @param maxSpaces spaces beyond this many share the label value {@code _other}; 0 or more
     */
    public EngramMetrics(PrometheusRegistry registry, int maxSpaces) {
        this(registry, maxSpaces, () -> TimeUnit.NANOSECONDS.toMillis(System.nanoTime()));
    }

    /**
     * As {@link #EngramMetrics(PrometheusRegistry, int)}.
     *
     * @param clock by which traffic is recent, milliseconds from any start
     */
    public EngramMetrics(PrometheusRegistry registry, int maxSpaces, LongSupplier clock) {
        if (maxSpaces < 0) {
            throw new IllegalArgumentException("maxSpaces < 0: " + maxSpaces);
        }
        this.labels = new SpaceLabels(this, maxSpaces, clock);
        observations = counter(
                registry,
                MetricNames.OBSERVATIONS,
                "Observations inserted into the index.",
                MetricNames.MEMORY_SPACE,
                MetricNames.PRIORITY);
        rejected = counter(
                registry,
                MetricNames.OBSERVATIONS_REJECTED,
                "Records that were not accepted, by reason.",
                MetricNames.MEMORY_SPACE,
                MetricNames.REASON);
        activations = counter(
                registry,
                MetricNames.BACKPRESSURE_ACTIVATIONS,
                "Transitions of backpressure, by the level entered.",
                MetricNames.MEMORY_SPACE,
                MetricNames.LEVEL);
        superseded = counter(
                registry,
                MetricNames.SUPERSEDED,
                "Accepted changes without effect, because a newer change of the memory came first.",
                MetricNames.MEMORY_SPACE);
        forgetsUnknown = counter(
                registry,
                MetricNames.FORGETS_UNKNOWN,
                "Forgets of ids that were not remembered.",
                MetricNames.MEMORY_SPACE);
        expired = counter(
                registry,
                MetricNames.EXPIRED,
                "Memories forgotten by retention.",
                MetricNames.MEMORY_SPACE,
                MetricNames.CAUSE);
        redeliveredDropped = counter(
                registry,
                MetricNames.REDELIVERED_DROPPED,
                "Redelivered records whose number had been taken, or whose memory said the same already, and copies of those that came back before.",
                MetricNames.MEMORY_SPACE);
        redelivered = counter(
                registry, MetricNames.REDELIVERED, "Shed records written back to their lane.", MetricNames.PRIORITY);
        expiredRecords = counter(
                registry,
                MetricNames.RECORDS_DELETED,
                "Records that the topic's retention deleted before they were processed.",
                MetricNames.PRIORITY);
        rejectionsTruncated = counter(
                registry,
                MetricNames.REJECTIONS_TRUNCATED,
                "Rejected records that are in engram-rejected cut short, because it does not take them whole.");
        for (Lane lane : Lane.ALL) {
            redelivered.initLabelValues(lane.label());
            expiredRecords.initLabelValues(lane.label());
        }
        backpressureState = gauge(
                registry,
                MetricNames.BACKPRESSURE_STATE,
                "0 normal, 1 warning, 2 critical, 3 overloaded.",
                MetricNames.MEMORY_SPACE);
        observationLatency = histogram(
                registry,
                MetricNames.OBSERVATION_LATENCY,
                "From enqueue to insertion into the index.",
                MetricNames.OBSERVATION_LATENCY_BUCKETS,
                MetricNames.MEMORY_SPACE);
        recallLatency = histogram(
                registry,
                MetricNames.RECALL_LATENCY,
                "A whole recall request at the serving instance.",
                MetricNames.RECALL_LATENCY_BUCKETS,
                MetricNames.MEMORY_SPACE);
        batchesProcessed = counter(registry, MetricNames.BATCHES_PROCESSED, "Batches inserted.", MetricNames.WORKER_ID);
        batchFailures = counter(
                registry,
                MetricNames.BATCH_FAILURES,
                "Insertions that failed.",
                MetricNames.WORKER_ID,
                MetricNames.ERROR_TYPE);
        workStolen = counter(
                registry, MetricNames.WORK_STOLEN, "Batches taken from another worker's queue.", MetricNames.WORKER_ID);
        batchSize = histogram(
                registry,
                MetricNames.BATCH_SIZE,
                "Items of an inserted batch.",
                MetricNames.BATCH_SIZE_BUCKETS,
                MetricNames.WORKER_ID);
        workerUtilization = gauge(
                registry,
                MetricNames.WORKER_UTILIZATION,
                "Busy share of the last window, 0 to 100.",
                MetricNames.WORKER_ID);
        Histogram wait = histogram(
                registry,
                MetricNames.QUEUE_WAIT,
                "From enqueue to the start of processing.",
                MetricNames.QUEUE_WAIT_BUCKETS,
                MetricNames.PRIORITY);
        Lane.ALL.forEach(lane -> queueWait.put(lane, wait.labelValues(lane.label())));
        registerSuppliedGauges(registry);
        snapshots = new SnapshotMetrics(registry);
        instance = new InstanceMetrics(registry);
        other = new SpaceMetrics(this, MetricNames.OTHER_SPACE, 0);
        invalid = new SpaceMetrics(this, MetricNames.INVALID_SPACE, 0);
    }

    private void registerSuppliedGauges(PrometheusRegistry registry) {
        GaugeWithCallback.builder()
                .name(MetricNames.QUEUE_DEPTH)
                .help("Records of the lane that can be processed and are not indexed yet.")
                .labelNames(MetricNames.PRIORITY)
                .callback(out -> Lane.ALL.forEach(lane -> out.call(queueDepth.applyAsLong(lane), lane.label())))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.LANE_BLOCKED)
                .help("Offsets of the lane that open transactions of its producers keep from being processed.")
                .labelNames(MetricNames.PRIORITY)
                .callback(out -> Lane.ALL.forEach(lane -> out.call(laneBlocked.applyAsLong(lane), lane.label())))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.LANE_STALLED)
                .help("How long one open transaction has been holding up a partition of the lane.")
                .labelNames(MetricNames.PRIORITY)
                .callback(out ->
                        Lane.ALL.forEach(lane -> out.call(laneStalledMs.applyAsLong(lane) / 1_000.0, lane.label())))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.QUEUE_CAPACITY)
                .help("Records that the lane may hold across the cluster, as configured; the same at every instance.")
                .labelNames(MetricNames.PRIORITY)
                .callback(out -> Lane.ALL.forEach(lane -> out.call(queueCapacity.applyAsLong(lane), lane.label())))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.QUEUE_MEMORY)
                .help("Memory that waiting observations hold in this process.")
                .callback(out -> out.call(queueMemory.getAsLong()))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.ACTIVE_SESSIONS)
                .help("Sessions with a record that moved them within the idle time, exact to a thirtieth of it.")
                .callback(out -> out.call(activeSessions.getAsLong()))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.INDEX_MEMORY)
                .help("Estimated memory of the indexes and of what waits for them.")
                .callback(out -> out.call(indexMemory.getAsLong()))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.INDEX_MEMORY_LIMIT)
                .help("The most that index memory may be before observations are shed.")
                .callback(out -> out.call(indexMemoryLimit.getAsLong()))
                .register(registry);
        GaugeWithCallback.builder()
                .name(MetricNames.INDEX_SIZE)
                .help(
                        "Memories in the indexes of this instance. A space of up to index.scan.threshold memories has no index; how many it has says GET /v1/spaces.")
                .labelNames(MetricNames.MEMORY_SPACE)
                .callback(out -> {
                    labels.review();
                    long left = indexSize.sum();
                    for (String space : labels.own().keySet()) {
                        long size = indexSize(space);
                        left -= size;
                        out.call(size, space);
                    }
                    out.call(Math.max(0, left), MetricNames.OTHER_SPACE);
                })
                .register(registry);
    }

    /**
     * A record or recall of a space in use. A new space has all its series at once, while there is room; beyond the cap they
     * are those that such spaces share, until its recent traffic gets it the place of another.
     *
     * @param partition of the space
     */
    public SpaceMetrics seen(String space, int partition) {
        return labels.seen(space, partition);
    }

    /** The space was dropped, which was processed here: its series leave. */
    public void left(String space, int partition) {
        labels.left(space, partition);
    }

    /** The partition is processed here from now on. */
    public void partitionStarted(int partition, BackpressureLevel level) {
        labels.started(partition, level);
    }

    /** The level of a partition changed: a transition of each of its spaces that has series of its own. */
    public void transition(int partition, BackpressureLevel level) {
        labels.transition(partition, level);
    }

    /** The partition is processed elsewhere from now on: the series of its spaces leave. */
    public void partitionEnded(int partition) {
        labels.ended(partition);
    }

    /** The indexes of the space have grown by that many memories, or shrunk. */
    void indexSizeChanged(String space, long by) {
        indexSize.add(by);
        Long size = indexSizes.merge(space, by, (before, change) -> before + change == 0 ? null : before + change);
        if (size == null) {
            labels.withoutIndex(space);
        } else if (by > 0) {
            labels.indexed(space);
        }
    }

    long indexSize(String space) {
        return indexSizes.getOrDefault(space, 0L);
    }

    /** The metrics that all spaces beyond the cap share. */
    public SpaceMetrics shared() {
        return other;
    }

    /** The metrics of a space that is in use already, else the shared ones: names that nobody uses get no series. */
    public SpaceMetrics knownSpace(String space) {
        return labels.own().getOrDefault(space, other);
    }

    /** The metrics of records without a legal space. */
    public SpaceMetrics invalidSpace() {
        return invalid;
    }

    /** The metrics of index snapshots. */
    public SnapshotMetrics snapshots() {
        return snapshots;
    }

    /** The metrics of the instance as a member of its cluster. */
    public InstanceMetrics instance() {
        return instance;
    }

    /** The metrics of an index worker; creates all its series. */
    public WorkerMetrics worker(String workerId) {
        return workers.computeIfAbsent(workerId, id -> new WorkerMetrics(this, id));
    }

    /** Seconds from enqueue to the start of processing, by lane. */
    public void queueWait(Lane lane, double seconds) {
        queueWait.get(lane).observe(seconds);
    }

    /** A shed record was written back to its lane. */
    public void redelivered(Lane lane) {
        redelivered.labelValues(lane.label()).inc();
    }

    /** Records of the lane were deleted by the topic's retention before they were processed. */
    public void recordsDeleted(Lane lane, long count) {
        expiredRecords.labelValues(lane.label()).inc(count);
    }

    /** A rejection was cut to what its topic takes. */
    public void rejectionTruncated() {
        rejectionsTruncated.inc();
    }

    /** What {@code engram_hnsw_index_memory_bytes} and its limit report. */
    public void indexMemory(LongSupplier used, LongSupplier limit) {
        indexMemory = used;
        indexMemoryLimit = limit;
    }

    /** What {@code queue_depth} reports. */
    public void queueDepth(ToLongFunction<Lane> supplier) {
        queueDepth = supplier;
    }

    /** What {@code lane_blocked_records} reports. */
    public void laneBlocked(ToLongFunction<Lane> supplier) {
        laneBlocked = supplier;
    }

    /** What {@code lane_stalled_seconds} reports, in milliseconds. */
    public void laneStalledMs(ToLongFunction<Lane> supplier) {
        laneStalledMs = supplier;
    }

    /** What {@code queue_capacity} reports. */
    public void queueCapacity(ToLongFunction<Lane> supplier) {
        queueCapacity = supplier;
    }

    /** What {@code queue_memory_bytes} reports. */
    public void queueMemory(LongSupplier supplier) {
        queueMemory = supplier;
    }

    /** What {@code active_sessions_total} reports. */
    public void activeSessions(LongSupplier supplier) {
        activeSessions = supplier;
    }

    private static Counter counter(PrometheusRegistry registry, String name, String help, String... labels) {
        return Counter.builder().name(name).help(help).labelNames(labels).register(registry);
    }

    private static Gauge gauge(PrometheusRegistry registry, String name, String help, String... labels) {
        return Gauge.builder().name(name).help(help).labelNames(labels).register(registry);
    }

    /** In text its buckets, in protobuf the native histogram as well, whose buckets are a few percent wide. */
    private static Histogram histogram(
            PrometheusRegistry registry, String name, String help, List<Double> buckets, String label) {
        return Histogram.builder()
                .name(name)
                .help(help)
                .classicUpperBounds(
                        buckets.stream().mapToDouble(Double::doubleValue).toArray())
                .labelNames(label)
                .register(registry);
    }
}
