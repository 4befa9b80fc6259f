package io.engram.app.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.HIGH;
import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;
import static org.apache.kafka.common.config.ConfigDef.Range.atLeast;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import io.engram.index.hnswlib.HnswlibEngine;
import io.engram.index.sketch.SketchEngine;
import io.engram.topology.intake.DeadlineExtractor;
import io.engram.topology.metrics.EngramMetrics;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.ValidString;
import org.apache.kafka.common.config.ConfigException;

/** Every key with its default, range and meaning. */
public final class ConfigKeys {
    public static final String BOOTSTRAP_SERVERS = "kafka.bootstrap.servers";
    public static final String APPLICATION_ID = "application.id";
    public static final String STATE_DIR = "state.dir";
    public static final String TOPICS_PREFIX = "topics.prefix";
    public static final String TOPICS_MAX_MESSAGE_BYTES = "topics.max.message.bytes";
    public static final String TOPICS_COMPRESSION_TYPE = "topics.compression.type";
    public static final String PARTITIONS = "partitions";
    public static final String REPLICATION_FACTOR = "replication.factor";
    public static final String HTTP_HOST = "http.host";
    public static final String HTTP_PORT = "http.port";
    public static final String HTTP_MAX_BODY_BYTES = "http.max.body.bytes";
    public static final String HTTP_MAX_CONCURRENT = "http.max.concurrent.requests";
    public static final String HTTP_MAX_WAITING = "http.max.waiting.requests";
    public static final String HTTP_ADDRESS_SHARE = "http.address.share";
    public static final String HTTP_IDLE_TIMEOUT_MS = "http.idle.timeout.ms";
    public static final String RECALL_TIMEOUT_MS = "recall.timeout.ms";
    public static final String METRICS_PORT = "metrics.port";
    public static final String METRICS_MAX_SPACES = "metrics.max.spaces";
    public static final String ADVERTISED_URL = "advertised.url";
    public static final String ADMISSION_POLICY = "admission.policy";
    public static final String QUEUE_CAPACITY = "queue.capacity";
    public static final String QUEUE_CAPACITY_HIGH = "queue.capacity.high";
    public static final String QUEUE_CAPACITY_NORMAL = "queue.capacity.normal";
    public static final String QUEUE_CAPACITY_LOW = "queue.capacity.low";
    public static final String BACKPRESSURE_WARNING = "backpressure.warning";
    public static final String BACKPRESSURE_CRITICAL = "backpressure.critical";
    public static final String BACKPRESSURE_OVERLOADED = "backpressure.overloaded";
    public static final String BACKPRESSURE_HOLD_MS = "backpressure.hold.ms";
    public static final String BACKPRESSURE_MAX_RETRY_AFTER_MS = "backpressure.max.retry.after.ms";
    public static final String BACKPRESSURE_STATUS_INTERVAL_MS = "backpressure.status.interval.ms";
    public static final String SLACK_NORMAL_MS = "lane.normal.slack.ms";
    public static final String SLACK_LOW_MS = "lane.low.slack.ms";
    public static final String SESSION_IDLE_MS = "session.idle.ms";
    public static final String SESSION_RETENTION_MS = "session.retention.ms";
    public static final String SESSION_CACHE_BYTES = "session.cache.bytes";
    public static final String REJECTED_RETENTION_MS = "rejected.retention.ms";
    public static final String INDEX_ENGINE = "index.engine";
    public static final String INDEX_WORKERS = "index.workers";
    public static final String INDEX_M = "index.m";
    public static final String INDEX_EF_CONSTRUCTION = "index.ef.construction";
    public static final String INDEX_BATCH_SIZES = "index.batch.sizes";
    public static final String INDEX_QUEUE_STEPS = "index.queue.steps";
    public static final String INDEX_RETRY_INTERVAL_MS = "index.retry.interval.ms";
    public static final String INDEX_VECTOR_CACHE_BYTES = "index.vector.cache.bytes";
    public static final String INDEX_MAX_HAND_OVER_WAIT_MS = "index.max.hand.over.wait.ms";
    public static final String INDEX_MAX_BACKGROUND_PENDING = "index.max.background.pending";
    public static final String WORK_STEAL_THRESHOLD = "work.steal.threshold";
    public static final String STREAM_THREADS = "stream.threads";
    public static final String STANDBY_REPLICAS = "standby.replicas";
    public static final String STANDBY_MAX_LAG = "standby.max.lag";
    public static final String COMMIT_INTERVAL_MS = "commit.interval.ms";
    public static final String TICK_MS = "tick.ms";
    public static final String LAG_INTERVAL_MS = "lag.interval.ms";
    public static final String SHUTDOWN_TIMEOUT_MS = "shutdown.timeout.ms";
    public static final String MAX_THREAD_REPLACEMENTS = "max.thread.replacements";
    public static final String SHUTDOWN_DRAIN_MS = "shutdown.drain.ms";
    public static final String WARM_UP_MS = "warm.up.ms";
    public static final String INDEX_MAX_MEMORY = "index.max-memory";
    public static final String INDEX_SCAN_THRESHOLD = "index.scan.threshold";
    public static final String SNAPSHOT_INTERVAL_MS = "snapshot.interval.ms";
    public static final String SNAPSHOT_CHANGES = "snapshot.changes";
    public static final String RETENTION_TTL_MS = "retention.ttl.ms";
    public static final String RETENTION_MAX_MEMORIES = "retention.max.memories";
    public static final String REDELIVERY_ENABLED = "redelivery.enabled";
    public static final String REDELIVERY_WINDOW = "redelivery.window";
    public static final String REDELIVERY_TRICKLE = "redelivery.trickle.per.second";
    public static final String CLUSTER_SECRET = "cluster.secret";
    public static final String ROUTING_HOST_TIMEOUT_MS = "routing.host.timeout.ms";
    public static final String ROCKSDB_BLOCK_CACHE_BYTES = "rocksdb.block.cache.bytes";
    public static final String ROCKSDB_WRITE_BUFFER_BYTES = "rocksdb.write.buffer.bytes";

    /** Keys under these prefixes go to the Kafka clients as they are. */
    static final String[] PASS_THROUGH = {"kafka.", "streams.", "producer.", "consumer."};

    /** The operations guide's own names for some variables, beside {@code ENGRAM_…}. */
    static final Map<String, String> GUIDE_VARIABLES = Map.of(
            "QUEUE_CAPACITY", QUEUE_CAPACITY,
            "HIGH_QUEUE_CAPACITY", QUEUE_CAPACITY_HIGH,
            "NORMAL_QUEUE_CAPACITY", QUEUE_CAPACITY_NORMAL,
            "LOW_QUEUE_CAPACITY", QUEUE_CAPACITY_LOW,
            "WORK_STEAL_THRESHOLD", WORK_STEAL_THRESHOLD);

    private static final int CORES = Runtime.getRuntime().availableProcessors();
    private static final ConfigDef.Validator PORT = between(0, 65_535);
    private static final Pattern GROUP = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}");
    private static final String GROUP_RULE = "1 to 200 letters, digits, '.', '_' and '-', not starting with '.'";

    /** All keys; the reference page is generated from it. */
    public static final ConfigDef DEFINITION = new ConfigDef()
            .define(
                    BOOTSTRAP_SERVERS,
                    Type.STRING,
                    "127.0.0.1:9092",
                    HIGH,
                    "Brokers to connect to first: host:port, with commas between them.")
            .define(
                    APPLICATION_ID,
                    Type.STRING,
                    "engram-streaming",
                    ConfigDef.LambdaValidator.with(ConfigKeys::requireGroup, () -> GROUP_RULE),
                    HIGH,
                    "Consumer group of all instances and prefix of internal topics.")
            .define(
                    STATE_DIR,
                    Type.STRING,
                    ".engram/state",
                    HIGH,
                    "Directory of RocksDB and the index. Must be the instance's own.")
            .define(
                    TOPICS_PREFIX,
                    Type.STRING,
                    "engram",
                    MEDIUM,
                    "Prefix of all topics: lower-case letters, digits and hyphens.")
            .define(
                    TOPICS_MAX_MESSAGE_BYTES,
                    Type.INT,
                    8 << 20,
                    between(512 << 10, 256 << 20),
                    MEDIUM,
                    "max.message.bytes of rejections that are created, and of lanes where the broker allows less than 32 MiB or"
                            + " topics.compression.type is producer; topics that exist keep their own, and rejections that"
                            + " do not fit are cut.")
            .define(
                    TOPICS_COMPRESSION_TYPE,
                    Type.STRING,
                    "uncompressed",
                    ConfigDef.ValidString.in("uncompressed", "producer"),
                    MEDIUM,
                    "compression.type of lanes that are created. uncompressed: the broker unpacks what it is sent and refuses what"
                            + " is larger than max.message.bytes then. producer: it keeps what it is sent, and one small record"
                            + " that unpacks to more than the heap ends every instance that reads it.")
            .define(
                    PARTITIONS,
                    Type.INT,
                    8,
                    between(1, 10_000),
                    HIGH,
                    "Partitions of each lane: the most instances that can share the work. Cannot be changed later.")
            .define(
                    REPLICATION_FACTOR,
                    Type.INT,
                    -1,
                    between(-1, 100),
                    MEDIUM,
                    "Replicas of topics that are created; -1 is the broker's default.")
            .define(
                    HTTP_HOST,
                    Type.STRING,
                    "127.0.0.1",
                    HIGH,
                    "Address that HTTP and metrics listen on; 0.0.0.0 or :: for all.")
            .define(HTTP_PORT, Type.INT, 7432, PORT, HIGH, "Port of the HTTP interface; 0 for any free one.")
            .define(
                    HTTP_MAX_BODY_BYTES,
                    Type.INT,
                    8 << 20,
                    between(1 << 10, 256 << 20),
                    LOW,
                    "Bytes that a request body may have; more is answered with 413.")
            .define(
                    HTTP_MAX_CONCURRENT,
                    Type.INT,
                    64,
                    atLeast(1),
                    MEDIUM,
                    "Requests worked on at once; more are answered with 429.")
            .define(
                    HTTP_MAX_WAITING,
                    Type.INT,
                    256,
                    between(1, 10_000),
                    LOW,
                    "Requests that wait at once: for Kafka, for the index, for another instance, for their client to read;"
                            + " they take no place of those worked on. More are answered with 429.")
            .define(
                    HTTP_ADDRESS_SHARE,
                    Type.DOUBLE,
                    0.5,
                    share(0.01),
                    LOW,
                    "Share of the places, and of the bytes of bodies and answers, that one client address may hold"
                            + " while others ask too; 1 for all. Behind a proxy all clients have its address.")
            .define(
                    HTTP_IDLE_TIMEOUT_MS,
                    Type.LONG,
                    75_000L,
                    between(1_000L, 3_600_000L),
                    LOW,
                    "How long a connection may be silent; longer than the same of a proxy before it (60 s with most),"
                            + " which would use a connection that is just being closed; milliseconds.")
            .define(
                    RECALL_TIMEOUT_MS,
                    Type.LONG,
                    2_000L,
                    between(1L, 60_000L),
                    MEDIUM,
                    "The longest that a recall waits, unless the request says less; milliseconds.")
            .define(METRICS_PORT, Type.INT, 9090, PORT, HIGH, "Port of /metrics; 0 for any free one.")
            .define(
                    METRICS_MAX_SPACES,
                    Type.INT,
                    EngramMetrics.DEFAULT_MAX_SPACES,
                    between(0, 100_000),
                    MEDIUM,
                    "Memory spaces with series of their own, those with the most traffic lately; all others share the label value _other.")
            .define(
                    ADVERTISED_URL,
                    Type.STRING,
                    "",
                    MEDIUM,
                    "URL under which other instances reach this one; empty for http://<http.host>:<http.port>.")
            .define(
                    ADMISSION_POLICY,
                    Type.STRING,
                    "reject",
                    ValidString.in("reject", "backlog"),
                    HIGH,
                    "What happens to observations on an overloaded lane: reject sheds them, backlog leaves them in Kafka.")
            .define(
                    QUEUE_CAPACITY,
                    Type.LONG,
                    160_000L,
                    atLeast(16),
                    HIGH,
                    "Records that all lanes may hold across the cluster; split 1:10:5 among high, normal and low.")
            .define(
                    QUEUE_CAPACITY_HIGH,
                    Type.LONG,
                    0L,
                    atLeast(0),
                    MEDIUM,
                    "Records that the high lane may hold across the cluster; 0 for its share of queue.capacity.")
            .define(
                    QUEUE_CAPACITY_NORMAL,
                    Type.LONG,
                    0L,
                    atLeast(0),
                    MEDIUM,
                    "Records that the normal lane may hold across the cluster; 0 for its share of queue.capacity.")
            .define(
                    QUEUE_CAPACITY_LOW,
                    Type.LONG,
                    0L,
                    atLeast(0),
                    MEDIUM,
                    "Records that the low lane may hold across the cluster; 0 for its share of queue.capacity.")
            .define(
                    BACKPRESSURE_WARNING,
                    Type.DOUBLE,
                    0.50,
                    share(0),
                    MEDIUM,
                    "Pressure from which the level is warning.")
            .define(
                    BACKPRESSURE_CRITICAL,
                    Type.DOUBLE,
                    0.80,
                    share(0),
                    MEDIUM,
                    "Pressure from which the level is critical.")
            .define(
                    BACKPRESSURE_OVERLOADED,
                    Type.DOUBLE,
                    0.95,
                    share(0),
                    MEDIUM,
                    "Pressure from which the level is overloaded.")
            .define(
                    BACKPRESSURE_HOLD_MS,
                    Type.LONG,
                    5_000L,
                    atLeast(0),
                    LOW,
                    "A level falls one step after the pressure was below it for this long, milliseconds.")
            .define(
                    BACKPRESSURE_MAX_RETRY_AFTER_MS,
                    Type.LONG,
                    300_000L,
                    atLeast(1),
                    LOW,
                    "The longest retry-after that a shed record is given, milliseconds.")
            .define(
                    BACKPRESSURE_STATUS_INTERVAL_MS,
                    Type.LONG,
                    5_000L,
                    atLeast(1),
                    LOW,
                    "Pause between repeated records of backpressure while not normal, milliseconds.")
            .define(
                    SLACK_NORMAL_MS,
                    Type.LONG,
                    60_000L,
                    between(0L, DeadlineExtractor.MAX_SLACK_MS),
                    MEDIUM,
                    "How long the normal lane may wait for the high one, milliseconds.")
            .define(
                    SLACK_LOW_MS,
                    Type.LONG,
                    600_000L,
                    between(0L, DeadlineExtractor.MAX_SLACK_MS),
                    MEDIUM,
                    "How long the low lane may wait for the others, milliseconds.")
            .define(
                    SESSION_IDLE_MS,
                    Type.LONG,
                    300_000L,
                    atLeast(1),
                    LOW,
                    "A session without a record that moved it for this long is not counted as active, milliseconds; exact to a thirtieth of it.")
            .define(
                    SESSION_RETENTION_MS,
                    Type.LONG,
                    86_400_000L,
                    atLeast(1),
                    MEDIUM,
                    "State of an inactive session, and tombstones of forgotten memories, are kept for this long, milliseconds.")
            .define(
                    SESSION_CACHE_BYTES,
                    Type.LONG,
                    8L << 20,
                    atLeast(0),
                    LOW,
                    "What the state of sessions and the sizes of spaces that are in use may take, as Kafka counts it: each is written once a commit as long as all that a commit touches fits, about a kilobyte a session. Small entries take three times as much heap as is counted, so all of it up to 24 MiB by default.")
            .define(
                    REJECTED_RETENTION_MS,
                    Type.LONG,
                    604_800_000L,
                    atLeast(1),
                    MEDIUM,
                    "Numbers of rejected records stay open, and shed records count as such when they come back, for this long, milliseconds; keep it equal to retention.ms of the topic of rejections.")
            .define(
                    INDEX_ENGINE,
                    Type.STRING,
                    SketchEngine.NAME,
                    ValidString.in(SketchEngine.NAME, HnswlibEngine.NAME),
                    HIGH,
                    "Engine of the vector index: sketch (compressed vectors, fast inserts) or hnswlib (float vectors).")
            .define(
                    INDEX_WORKERS,
                    Type.INT,
                    CORES,
                    between(1, 1_024),
                    HIGH,
                    "Index worker threads; the default is the number of cores.")
            .define(INDEX_M, Type.INT, 16, between(2, 128), MEDIUM, "Links per node of the graph (HNSW M).")
            .define(
                    INDEX_EF_CONSTRUCTION,
                    Type.INT,
                    100,
                    between(2, 10_000),
                    MEDIUM,
                    "Beam width of an insert (HNSW efConstruction).")
            .define(
                    INDEX_BATCH_SIZES,
                    Type.LIST,
                    "10,100,500,1000",
                    LOW,
                    "Items of a batch while normal, warning, critical and overloaded.")
            .define(
                    INDEX_QUEUE_STEPS,
                    Type.LIST,
                    "100,1000,10000",
                    LOW,
                    "Queue lengths from which a worker takes the second, third and fourth batch size.")
            .define(
                    INDEX_RETRY_INTERVAL_MS,
                    Type.LONG,
                    5_000L,
                    atLeast(1),
                    LOW,
                    "Pause between attempts at memories that could not be inserted, milliseconds.")
            .define(
                    INDEX_VECTOR_CACHE_BYTES,
                    Type.LONG,
                    64L << 20,
                    atLeast(0),
                    LOW,
                    "Memory for embeddings of waiting observations; beyond it they are read back from RocksDB.")
            .define(
                    INDEX_MAX_HAND_OVER_WAIT_MS,
                    Type.LONG,
                    100L,
                    between(0L, 10_000L),
                    LOW,
                    "The longest that a stream thread waits for a full index queue, per record, milliseconds.")
            .define(
                    INDEX_MAX_BACKGROUND_PENDING,
                    Type.INT,
                    10_000,
                    atLeast(1),
                    LOW,
                    "References that loading and restoring may have waiting at once.")
            .define(
                    INDEX_MAX_MEMORY,
                    Type.LONG,
                    0L,
                    atLeast(0),
                    HIGH,
                    "Bytes that all indexes of the process may take; beyond it observations are shed. 0 for half of the heap.")
            .define(
                    INDEX_SCAN_THRESHOLD,
                    Type.INT,
                    1_000,
                    between(0, 100_000),
                    LOW,
                    "A space of so many memories, and at most 4 MiB of them, has no index: recall compares with all of it.")
            .define(
                    SNAPSHOT_INTERVAL_MS,
                    Type.LONG,
                    60_000L,
                    atLeast(100),
                    MEDIUM,
                    "A changed index is saved to <state.dir>/hnsw after this time at the latest, milliseconds.")
            .define(
                    SNAPSHOT_CHANGES,
                    Type.LONG,
                    100_000L,
                    atLeast(1),
                    LOW,
                    "The indexes of a partition are saved earlier after this many changes.")
            .define(
                    RETENTION_TTL_MS,
                    Type.LONG,
                    0L,
                    atLeast(0),
                    MEDIUM,
                    "Memories are forgotten this long after they were enqueued, unless their space says otherwise; 0 for never,"
                            + " milliseconds.")
            .define(
                    RETENTION_MAX_MEMORIES,
                    Type.LONG,
                    0L,
                    atLeast(0),
                    MEDIUM,
                    "Memories that a space keeps, unless it says otherwise; beyond it the oldest are forgotten. 0 for all.")
            .define(
                    REDELIVERY_ENABLED,
                    Type.BOOLEAN,
                    true,
                    HIGH,
                    "Write observations that were shed back to their lane when it has room again.")
            .define(
                    REDELIVERY_WINDOW,
                    Type.INT,
                    500,
                    between(1, 100_000),
                    LOW,
                    "Redelivered records that may wait on one partition of a lane at once.")
            .define(
                    REDELIVERY_TRICKLE,
                    Type.INT,
                    10,
                    between(1, 100_000),
                    LOW,
                    "Records a second that are redelivered to a partition of a lane even while it has no room.")
            .define(
                    CLUSTER_SECRET,
                    Type.PASSWORD,
                    "",
                    MEDIUM,
                    "Shared by all instances: with it, calls from instance to instance must carry it. Empty for none.")
            .define(
                    ROUTING_HOST_TIMEOUT_MS,
                    Type.LONG,
                    500L,
                    between(10L, 60_000L),
                    MEDIUM,
                    "How long another instance may take to answer before the next one is asked, milliseconds.")
            .define(
                    WORK_STEAL_THRESHOLD,
                    Type.INT,
                    1_000,
                    atLeast(1),
                    MEDIUM,
                    "An idle worker steals from a queue longer than this.")
            .define(
                    STREAM_THREADS,
                    Type.INT,
                    Math.max(1, CORES / 2),
                    between(1, 1_024),
                    HIGH,
                    "Stream threads; the default is half the number of cores.")
            .define(
                    STANDBY_REPLICAS,
                    Type.INT,
                    1,
                    between(0, 10),
                    HIGH,
                    "Warm copies of each partition on other instances.")
            .define(
                    STANDBY_MAX_LAG,
                    Type.INT,
                    10_000,
                    atLeast(0),
                    MEDIUM,
                    "Changelog records that a standby may be behind and still answer recall; its instance is ready when all are within it.")
            .define(
                    COMMIT_INTERVAL_MS,
                    Type.LONG,
                    100L,
                    between(10L, 5_000L),
                    MEDIUM,
                    "Pause between commits: how long results wait to become visible to read_committed readers, milliseconds.")
            .define(
                    TICK_MS,
                    Type.LONG,
                    100L,
                    between(10L, 10_000L),
                    LOW,
                    "Pause between looks at levels and acknowledgements, milliseconds.")
            .define(
                    LAG_INTERVAL_MS,
                    Type.LONG,
                    200L,
                    between(10L, 10_000L),
                    LOW,
                    "Pause between looks at the broker's end offsets, milliseconds.")
            .define(
                    SHUTDOWN_TIMEOUT_MS,
                    Type.LONG,
                    30_000L,
                    atLeast(1_000L),
                    LOW,
                    "How long stopping may take, milliseconds.")
            .define(
                    SHUTDOWN_DRAIN_MS,
                    Type.LONG,
                    1_000L,
                    between(0L, 60_000L),
                    MEDIUM,
                    "How long a stopping instance still answers after it said that it is not ready, milliseconds.")
            .define(
                    WARM_UP_MS,
                    Type.LONG,
                    3_000L,
                    between(0L, 60_000L),
                    LOW,
                    "How long a starting instance may make recalls of its own, to be quick from the first request, before it is"
                            + " ready, milliseconds from its start; 0 to make none.")
            .define(
                    MAX_THREAD_REPLACEMENTS,
                    Type.INT,
                    5,
                    between(0, 1_000),
                    LOW,
                    "Stream threads that may die and be replaced within ten minutes; then the instance stops with an error.")
            .define(
                    ROCKSDB_BLOCK_CACHE_BYTES,
                    Type.LONG,
                    128L << 20,
                    atLeast(1 << 20),
                    LOW,
                    "Block cache of all RocksDB stores of the process.")
            .define(
                    ROCKSDB_WRITE_BUFFER_BYTES,
                    Type.LONG,
                    128L << 20,
                    atLeast(1 << 20),
                    LOW,
                    "Write buffers of all RocksDB stores of the process; a part of the block cache's budget.");

    private ConfigKeys() {}

    /** The environment variable of a key: {@code http.port} is {@code ENGRAM_HTTP_PORT}. */
    public static String variable(String key) {
        return "ENGRAM_" + key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }

    /** The operations guide's name for a key's variable, when it has one. */
    public static Optional<String> guideVariable(String key) {
        return GUIDE_VARIABLES.entrySet().stream()
                .filter(entry -> entry.getValue().equals(key))
                .map(Map.Entry::getKey)
                .findFirst();
    }

    /** A part of a whole; not {@code NaN}, which no range of Kafka's refuses. */
    private static ConfigDef.Validator share(double least) {
        return ConfigDef.LambdaValidator.with(
                (key, value) -> {
                    if (!((double) value >= least && (double) value <= 1)) {
                        throw new ConfigException(key, value, "Value must be a number from " + least + " to 1.0");
                    }
                },
                () -> "[" + least + ",...,1.0]");
    }

    /** Topics and directories are named after it. */
    private static void requireGroup(String key, Object value) {
        if (!GROUP.matcher((String) value).matches()) {
            throw new ConfigException(key, value, "topics and directories are named after it: use " + GROUP_RULE);
        }
    }
}
