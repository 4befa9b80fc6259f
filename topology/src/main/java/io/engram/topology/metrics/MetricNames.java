package io.engram.topology.metrics;

import java.util.List;

/** Every name, label and bucket of the catalogue, in one place. */
public final class MetricNames {
    private static final String PREFIX = "engram_streaming_";

    public static final String OBSERVATIONS = PREFIX + "observations_total";
    public static final String OBSERVATIONS_REJECTED = PREFIX + "observations_rejected_total";
    public static final String BACKPRESSURE_ACTIVATIONS = PREFIX + "backpressure_activations_total";
    public static final String BATCHES_PROCESSED = PREFIX + "batches_processed_total";
    public static final String BATCH_FAILURES = PREFIX + "batch_failures_total";
    public static final String WORK_STOLEN = PREFIX + "work_stolen_total";
    public static final String QUEUE_DEPTH = PREFIX + "queue_depth";
    public static final String WORKER_UTILIZATION = PREFIX + "worker_utilization";
    public static final String ACTIVE_SESSIONS = PREFIX + "active_sessions_total";
    public static final String BACKPRESSURE_STATE = PREFIX + "backpressure_state";
    public static final String QUEUE_MEMORY = PREFIX + "queue_memory_bytes";
    public static final String OBSERVATION_LATENCY = PREFIX + "observation_latency_seconds";
    public static final String RECALL_LATENCY = PREFIX + "recall_latency_seconds";
    public static final String BATCH_SIZE = PREFIX + "batch_size";
    public static final String QUEUE_WAIT = PREFIX + "queue_wait_time_seconds";

    /** Beside the catalogue: what the lanes may hold across the cluster, which thresholds are shares of. */
    public static final String QUEUE_CAPACITY = PREFIX + "queue_capacity";

    /** Beside the catalogue: what an open transaction of a producer holds up, and for how long. */
    public static final String LANE_BLOCKED = PREFIX + "lane_blocked_records";

    public static final String LANE_STALLED = PREFIX + "lane_stalled_seconds";

    /** Beside the catalogue: what became of the recalls that clients sent to this instance. */
    public static final String RECALLS = "engram_recalls_total";

    /** Beside the catalogue: the partitions that this instance holds, and how many there are. */
    public static final String PARTITIONS = "engram_partitions";

    public static final String PARTITIONS_CONFIGURED = "engram_partitions_configured";
    public static final String STANDBY_LAG = "engram_standby_lag_records";
    public static final String READY = "engram_ready";
    public static final String THREADS = "engram_threads";
    public static final String STATE_DIR_FREE = "engram_state_dir_free_bytes";
    public static final String STATE_DIR_SIZE = "engram_state_dir_size_bytes";
    public static final String STREAM_THREADS_HELD = "engram_stream_threads_held";
    public static final String CLOCK_SKEW = "engram_clock_skew_seconds";
    public static final String BUILD = "engram_build_info";

    /** Beside the catalogue: memories in the indexes of this instance. */
    public static final String INDEX_SIZE = "engram_hnsw_index_size";

    /** Beside the catalogue: snapshots of the indexes. */
    public static final String SNAPSHOT_AGE = "engram_hnsw_snapshot_age_seconds";

    public static final String SNAPSHOT_SIZE = "engram_hnsw_snapshot_size_bytes";
    public static final String SNAPSHOT_DURATION = "engram_hnsw_snapshot_duration_seconds";
    public static final String SNAPSHOT_FAILURES = "engram_hnsw_snapshot_failures_total";

    /** Beside the catalogue: how indexes were completed when their task came here. */
    public static final String INDEX_RESTORED = "engram_hnsw_restored_memories_total";

    /** Beside the catalogue: index memory and the most that it may be. */
    public static final String INDEX_MEMORY = "engram_hnsw_index_memory_bytes";

    public static final String INDEX_MEMORY_LIMIT = "engram_hnsw_index_memory_limit_bytes";

    /** Beside the catalogue: memories forgotten by retention. */
    public static final String EXPIRED = PREFIX + "memories_expired_total";

    /** Beside the catalogue: shed records written back to their lane. */
    public static final String REDELIVERED = PREFIX + "redelivered_total";

    /** Beside the catalogue: redelivered records that have nothing to say any more. */
    public static final String REDELIVERED_DROPPED = PREFIX + "redelivered_dropped_total";

    /** Beside the catalogue: records that the lane's retention deleted before they were processed. */
    public static final String RECORDS_DELETED = PREFIX + "records_deleted_total";

    /** Beside the catalogue: accepted changes that a newer one of the same memory had overtaken. */
    public static final String SUPERSEDED = PREFIX + "observations_superseded_total";

    /** Beside the catalogue: forgets of ids that were not remembered. */
    public static final String FORGETS_UNKNOWN = PREFIX + "forgets_unknown_total";

    /** Beside the catalogue: metrics that a scrape had to leave out. */
    public static final String SCRAPE_FAILURES = "engram_scrape_failures_total";

    /** Beside the catalogue: rejections that were too large for their topic and were cut. */
    public static final String REJECTIONS_TRUNCATED = PREFIX + "rejections_truncated_total";

    /** Beside the catalogue: topics that are not as they were, or not as they have to be. */
    public static final String TOPIC_PROBLEMS = "engram_topic_problems";

    public static final String MEMORY_SPACE = "memory_space";
    public static final String PRIORITY = "priority";
    public static final String REASON = "reason";
    public static final String LEVEL = "level";
    public static final String WORKER_ID = "worker_id";
    public static final String ERROR_TYPE = "error_type";
    public static final String OPERATION = "operation";
    public static final String OUTCOME = "outcome";
    public static final String CAUSE = "cause";
    public static final String ROLE = "role";
    public static final String STATE = "state";
    public static final String PARTITION = "partition";
    public static final String PROBLEM = "problem";
    public static final String VERSION = "version";

    /** The label value of all spaces beyond the cap. */
    public static final String OTHER_SPACE = "_other";

    /** The label value of records whose key names no legal space. */
    public static final String INVALID_SPACE = "_invalid";

    /** Seconds. */
    public static final List<Double> OBSERVATION_LATENCY_BUCKETS =
            List.of(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0);

    /** Seconds. */
    public static final List<Double> RECALL_LATENCY_BUCKETS = List.of(0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5);

    /** Items. */
    public static final List<Double> BATCH_SIZE_BUCKETS = List.of(1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1000.0);

    /** Seconds. */
    public static final List<Double> QUEUE_WAIT_BUCKETS = List.of(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0);

    /** Seconds. */
    public static final List<Double> SNAPSHOT_DURATION_BUCKETS = List.of(0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0);

    private MetricNames() {}
}
