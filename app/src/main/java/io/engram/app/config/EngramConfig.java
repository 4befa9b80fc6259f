package io.engram.app.config;

import io.engram.app.net.Endpoint;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.hnswlib.HnswlibEngine;
import io.engram.index.sketch.SketchEngine;
import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.EngramTopology;
import io.engram.topology.TopologyConfig;
import io.engram.topology.admission.AdmissionConfig;
import io.engram.topology.follow.SnapshotConfig;
import io.engram.topology.store.RetentionConfig;
import io.engram.topology.tick.SessionConfig;
import io.engram.topology.workers.IndexingConfig;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/**
 * The application's configuration, checked. Made by {@link ConfigLoader}; the keys are in {@link ConfigKeys}.
 */
public final class EngramConfig {
    private static final Set<String> WILDCARDS = Set.of("0.0.0.0", "::");

    private final Map<String, Object> values;
    private final Map<String, String> passThrough;
    private final BootstrapServers bootstrap;

    /**
     * @param values every key of {@link ConfigKeys#DEFINITION}, parsed
     * @param passThrough settings of {@code kafka.*}, {@code streams.*}, {@code producer.*} and {@code consumer.*}
     */
    EngramConfig(Map<String, Object> values, Map<String, String> passThrough) {
        this.values = new TreeMap<>(values);
        this.passThrough = Map.copyOf(passThrough);
        this.bootstrap = BootstrapServers.parse(text(ConfigKeys.BOOTSTRAP_SERVERS));
        // Built once here, so that values which do not fit together are an error at start.
        topology();
        hnsw();
        advertisedAddress();
    }

    /** The parsed value of a key. */
    Object value(String key) {
        return values.get(key);
    }

    private String text(String key) {
        return (String) values.get(key);
    }

    private int number(String key) {
        return (Integer) values.get(key);
    }

    private long longNumber(String key) {
        return (Long) values.get(key);
    }

    private double decimal(String key) {
        return (Double) values.get(key);
    }

    /** Brokers with commas between them, and nothing else. */
    public String bootstrapServers() {
        return String.join(",", bootstrap.items());
    }

    /** The brokers' addresses, not resolved. */
    public List<InetSocketAddress> brokers() {
        return bootstrap.addresses();
    }

    public String applicationId() {
        return text(ConfigKeys.APPLICATION_ID);
    }

    public Path stateDir() {
        return Path.of(text(ConfigKeys.STATE_DIR)).toAbsolutePath().normalize();
    }

    /** Where the snapshots of the indexes are; outside the directories that Kafka Streams wipes. */
    public Path snapshotDir() {
        return stateDir().resolve("hnsw");
    }

    /** Where files of the warm-up are until it ends. */
    public Path warmUpDir() {
        return snapshotDir().resolve("warm-up");
    }

    /** How long the warm-up may take; 0 for none. */
    public long warmUpMs() {
        return longNumber(ConfigKeys.WARM_UP_MS);
    }

    public Topics topics() {
        return checked(ConfigKeys.TOPICS_PREFIX, () -> new Topics(text(ConfigKeys.TOPICS_PREFIX)));
    }

    /** The largest batch that the lanes and the topic of rejections take when they are created, bytes. */
    public int topicsMaxMessageBytes() {
        return number(ConfigKeys.TOPICS_MAX_MESSAGE_BYTES);
    }

    /** How the lanes keep what they are sent when they are created: {@code uncompressed} or {@code producer}. */
    public String topicsCompressionType() {
        return text(ConfigKeys.TOPICS_COMPRESSION_TYPE);
    }

    /** The topic in which every change of a store is, and from which it is restored. */
    public String changelogTopic(String store) {
        return applicationId() + "-" + store + "-changelog";
    }

    /** Of all stores, in the order of {@link EngramTopology#STORES}. */
    public List<String> changelogTopics() {
        return EngramTopology.STORES.stream().map(this::changelogTopic).toList();
    }

    /** Partitions of each lane. */
    public int partitions() {
        return number(ConfigKeys.PARTITIONS);
    }

    /** Of topics that are created; -1 for the broker's default. */
    public short replicationFactor() {
        return (short) number(ConfigKeys.REPLICATION_FACTOR);
    }

    /** The address to listen on; of IPv6 without brackets. */
    public String httpHost() {
        return Endpoint.unbracketed(text(ConfigKeys.HTTP_HOST));
    }

    public int httpPort() {
        return number(ConfigKeys.HTTP_PORT);
    }

    /** Bytes that a request body may have. */
    public int maxBodyBytes() {
        return number(ConfigKeys.HTTP_MAX_BODY_BYTES);
    }

    /** Requests worked on at once; more are answered with 429. */
    public int maxConcurrentRequests() {
        return number(ConfigKeys.HTTP_MAX_CONCURRENT);
    }

    /** Requests that wait at once; more are answered with 429. */
    public int maxWaitingRequests() {
        return number(ConfigKeys.HTTP_MAX_WAITING);
    }

    /** Share of places and bytes that one client address may hold while others ask, above 0 to 1. */
    public double addressShare() {
        return decimal(ConfigKeys.HTTP_ADDRESS_SHARE);
    }

    /** How long a connection may be silent, milliseconds. */
    public long httpIdleTimeoutMs() {
        return longNumber(ConfigKeys.HTTP_IDLE_TIMEOUT_MS);
    }

    /** The longest that a recall may take unless its request says less, milliseconds. */
    public long recallTimeoutMs() {
        return longNumber(ConfigKeys.RECALL_TIMEOUT_MS);
    }

    public int metricsPort() {
        return number(ConfigKeys.METRICS_PORT);
    }

    public int maxMetricSpaces() {
        return number(ConfigKeys.METRICS_MAX_SPACES);
    }

    /** {@code http://host:port} under which other instances reach this one. */
    public String advertisedUrl() {
        return advertisedUrl("http://" + Endpoint.authority(reachableHost(), httpPort()));
    }

    /** The address that HTTP listens on, or one of this machine when it listens on all. */
    private String reachableHost() {
        if (!WILDCARDS.contains(httpHost())) {
            return httpHost();
        }
        try {
            return InetAddress.getLocalHost().getHostAddress();
        } catch (UnknownHostException e) {
            throw new ConfigException(
                    ConfigKeys.ADVERTISED_URL,
                    "",
                    "must be set when http.host is " + httpHost()
                            + ", because this machine does not know its own address");
        }
    }

    /** The advertised URL, {@code listening} unless configured. */
    public String advertisedUrl(String listening) {
        return endpoint(listening).url();
    }

    /** Host and port of the advertised URL, as {@code host:port}. */
    public String advertisedAddress() {
        return endpoint(advertisedUrl()).authority();
    }

    private Endpoint endpoint(String listening) {
        String configured = text(ConfigKeys.ADVERTISED_URL);
        boolean own = configured.isEmpty();
        try {
            Endpoint endpoint = Endpoint.parse(own ? listening : configured);
            if (endpoint.path().isEmpty()) {
                return endpoint;
            }
            throw new IllegalArgumentException("must end with its port: instances call each other without a path");
        } catch (IllegalArgumentException e) {
            throw own
                    ? new ConfigException(ConfigKeys.HTTP_HOST, httpHost(), "must be an address or a host name")
                    : new ConfigException(ConfigKeys.ADVERTISED_URL, configured, e.getMessage());
        }
    }

    /**
     * The configured engine.
     *
     * @param compactor runs rebuilds of graphs; owned by the caller
     */
    public IndexEngine engine(Executor compactor) {
        return text(ConfigKeys.INDEX_ENGINE).equals(HnswlibEngine.NAME)
                ? new HnswlibEngine(hnsw(), compactor)
                : new SketchEngine(hnsw(), compactor);
    }

    private HnswParameters hnsw() {
        return checked(
                "index.m and index.ef.construction",
                () -> new HnswParameters(number(ConfigKeys.INDEX_M), number(ConfigKeys.INDEX_EF_CONSTRUCTION)));
    }

    public int streamThreads() {
        return number(ConfigKeys.STREAM_THREADS);
    }

    public int standbyReplicas() {
        return number(ConfigKeys.STANDBY_REPLICAS);
    }

    /** Changelog records that a standby may be behind in a ready instance. */
    public int standbyMaxLag() {
        return number(ConfigKeys.STANDBY_MAX_LAG);
    }

    public long commitIntervalMs() {
        return longNumber(ConfigKeys.COMMIT_INTERVAL_MS);
    }

    /** Pause between looks at the broker's end offsets, milliseconds. */
    public long lagIntervalMs() {
        return longNumber(ConfigKeys.LAG_INTERVAL_MS);
    }

    /** How long stopping may take, milliseconds. */
    public long shutdownTimeoutMs() {
        return longNumber(ConfigKeys.SHUTDOWN_TIMEOUT_MS);
    }

    /** How long a stopping instance still answers after it said that it is not ready, milliseconds. */
    public long shutdownDrainMs() {
        return longNumber(ConfigKeys.SHUTDOWN_DRAIN_MS);
    }

    public boolean redeliveryEnabled() {
        return (Boolean) values.get(ConfigKeys.REDELIVERY_ENABLED);
    }

    /** Redelivered records that may wait on one partition of a lane at once. */
    public int redeliveryWindow() {
        return number(ConfigKeys.REDELIVERY_WINDOW);
    }

    /** Records a second that are redelivered to a partition of a lane without room. */
    public int redeliveryTrickle() {
        return number(ConfigKeys.REDELIVERY_TRICKLE);
    }

    /** What calls from instance to instance must carry; empty for nothing. */
    public Optional<String> clusterSecret() {
        String secret = ((Password) values.get(ConfigKeys.CLUSTER_SECRET)).value();
        return secret.isEmpty() ? Optional.empty() : Optional.of(secret);
    }

    /** How long another instance may take to answer before the next one is asked, milliseconds. */
    public long routingHostTimeoutMs() {
        return longNumber(ConfigKeys.ROUTING_HOST_TIMEOUT_MS);
    }

    /** How many stream threads may be replaced within ten minutes before the instance gives up. */
    public int maxThreadReplacements() {
        return number(ConfigKeys.MAX_THREAD_REPLACEMENTS);
    }

    public long rocksBlockCacheBytes() {
        return longNumber(ConfigKeys.ROCKSDB_BLOCK_CACHE_BYTES);
    }

    public long rocksWriteBufferBytes() {
        return longNumber(ConfigKeys.ROCKSDB_WRITE_BUFFER_BYTES);
    }

    /** What the caches of the sessions' stores may take of the heap, all together. */
    public long sessionCacheBytes() {
        return longNumber(ConfigKeys.SESSION_CACHE_BYTES);
    }

    /** What the topology needs to know. */
    public TopologyConfig topology() {
        return checked(
                "topology",
                () -> new TopologyConfig(
                        topics(),
                        partitions(),
                        Map.of(
                                Lane.HIGH, 0L,
                                Lane.NORMAL, longNumber(ConfigKeys.SLACK_NORMAL_MS),
                                Lane.LOW, longNumber(ConfigKeys.SLACK_LOW_MS)),
                        admission(),
                        new SessionConfig(
                                longNumber(ConfigKeys.SESSION_IDLE_MS),
                                longNumber(ConfigKeys.SESSION_RETENTION_MS),
                                longNumber(ConfigKeys.REJECTED_RETENTION_MS)),
                        indexing(),
                        new RetentionConfig(
                                longNumber(ConfigKeys.RETENTION_TTL_MS), longNumber(ConfigKeys.RETENTION_MAX_MEMORIES)),
                        new SnapshotConfig(
                                Optional.of(snapshotDir()),
                                longNumber(ConfigKeys.SNAPSHOT_INTERVAL_MS),
                                longNumber(ConfigKeys.SNAPSHOT_CHANGES)),
                        longNumber(ConfigKeys.TICK_MS),
                        longNumber(ConfigKeys.BACKPRESSURE_STATUS_INTERVAL_MS),
                        Map.of("max.message.bytes", Integer.toString(Math.min(2 << 20, topicsMaxMessageBytes())))));
    }

    private AdmissionConfig admission() {
        return checked(
                "backpressure.* and queue.capacity.*",
                () -> new AdmissionConfig(
                        AdmissionConfig.Policy.valueOf(
                                text(ConfigKeys.ADMISSION_POLICY).toUpperCase(Locale.ROOT)),
                        Map.of(
                                Lane.HIGH, capacity(ConfigKeys.QUEUE_CAPACITY_HIGH, 1),
                                Lane.NORMAL, capacity(ConfigKeys.QUEUE_CAPACITY_NORMAL, 10),
                                Lane.LOW, capacity(ConfigKeys.QUEUE_CAPACITY_LOW, 5)),
                        decimal(ConfigKeys.BACKPRESSURE_WARNING),
                        decimal(ConfigKeys.BACKPRESSURE_CRITICAL),
                        decimal(ConfigKeys.BACKPRESSURE_OVERLOADED),
                        longNumber(ConfigKeys.BACKPRESSURE_HOLD_MS),
                        longNumber(ConfigKeys.BACKPRESSURE_MAX_RETRY_AFTER_MS)));
    }

    /** A lane's own capacity, or its sixteenths of the total. */
    private long capacity(String key, int sixteenths) {
        long own = longNumber(key);
        return own > 0 ? own : Math.max(1, longNumber(ConfigKeys.QUEUE_CAPACITY) * sixteenths / 16);
    }

    private IndexingConfig indexing() {
        return checked(
                "index.*",
                () -> new IndexingConfig(
                        number(ConfigKeys.INDEX_WORKERS),
                        integers(ConfigKeys.INDEX_BATCH_SIZES),
                        integers(ConfigKeys.INDEX_QUEUE_STEPS),
                        number(ConfigKeys.WORK_STEAL_THRESHOLD),
                        longNumber(ConfigKeys.INDEX_RETRY_INTERVAL_MS),
                        longNumber(ConfigKeys.INDEX_VECTOR_CACHE_BYTES),
                        longNumber(ConfigKeys.INDEX_MAX_HAND_OVER_WAIT_MS),
                        number(ConfigKeys.INDEX_MAX_BACKGROUND_PENDING),
                        maxIndexMemory(),
                        number(ConfigKeys.INDEX_SCAN_THRESHOLD)));
    }

    private long maxIndexMemory() {
        long bytes = longNumber(ConfigKeys.INDEX_MAX_MEMORY);
        return bytes > 0 ? bytes : Runtime.getRuntime().maxMemory() / 2;
    }

    private List<Integer> integers(String key) {
        try {
            return ((List<?>) values.get(key))
                    .stream()
                            .map(item -> item.toString().trim())
                            .filter(item -> !item.isEmpty())
                            .map(Integer::valueOf)
                            .toList();
        } catch (NumberFormatException e) {
            throw new ConfigException(key, values.get(key), "must be whole numbers with commas between them");
        }
    }

    /** Builds a part; values that do not fit together are an error that names the keys. */
    private static <T> T checked(String keys, Supplier<T> part) {
        try {
            return part.get();
        } catch (IllegalArgumentException e) {
            throw new ConfigException("invalid " + keys + ": " + e.getMessage());
        }
    }

    /** Settings for every Kafka client: the address and all of {@code kafka.*}. */
    public Map<String, Object> kafka() {
        Map<String, Object> settings = new TreeMap<>(under("kafka."));
        settings.put("bootstrap.servers", bootstrapServers());
        return settings;
    }

    /** Settings of a consumer of the application's own, which reads what is committed and commits nothing by itself. */
    public Map<String, Object> plainConsumer() {
        Map<String, Object> settings = kafka();
        settings.putAll(consumer());
        // A name of a member is one of the group of the streams.
        settings.remove(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG);
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return settings;
    }

    /** Settings under {@code streams.}, which override the application's own. */
    public Map<String, Object> streams() {
        return under("streams.");
    }

    /** Settings under {@code producer.}. */
    public Map<String, Object> producer() {
        return under("producer.");
    }

    /** Settings under {@code consumer.}. */
    public Map<String, Object> consumer() {
        return under("consumer.");
    }

    private Map<String, Object> under(String prefix) {
        Map<String, Object> settings = new TreeMap<>();
        passThrough.forEach((key, value) -> {
            if (key.startsWith(prefix)) {
                settings.put(key.substring(prefix.length()), value);
            }
        });
        return settings;
    }
}
