package io.engram.app.lifecycle;

import io.engram.app.assignment.RecallTaskAssignor;
import io.engram.app.config.EngramConfig;
import io.engram.app.kafka.TopicPlan;
import io.engram.app.redelivery.Redelivery;
import io.engram.app.state.ClusterReporter;
import io.engram.app.state.StateGuard;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.rejection.PoisonRecordHandler;
import io.engram.topology.rejection.RefusedWriteHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.streams.StreamsConfig;

/** The settings of Kafka Streams: what the application relies on, then what the user passes through. */
final class StreamsSettings {
    private static final int MIN_BUFFER_BYTES = 32 << 20;
    // Kafka's 16 KiB hold four changelog records of 768 dimensions: every batch costs the producer and the broker anew.
    private static final int PRODUCER_BATCH_BYTES = 64 << 10;
    // There are no global stores; saying so keeps Streams from warning about its next default.
    private static final String GLOBAL_HANDLER_CONFIG = "processing.exception.handler.global.enabled";

    // KIP-892: what a transaction writes reaches RocksDB with its commit, so that a crash leaves nothing to be wiped.
    private static final Map<String, String> FIXED = Map.of(
            StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
            StreamsConfig.EXACTLY_ONCE_V2,
            StreamsConfig.TRANSACTIONAL_STATE_STORES_CONFIG,
            "true");

    private StreamsSettings() {}

    static Properties of(EngramConfig config, TopologyRuntime runtime, RocksDbBudget rocksDb, StateGuard guard) {
        Properties settings = new Properties();
        settings.putAll(config.kafka());
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, config.applicationId());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, config.stateDir().toString());
        settings.put(StreamsConfig.APPLICATION_SERVER_CONFIG, config.advertisedAddress());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, config.streamThreads());
        settings.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, config.standbyReplicas());
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, (int) config.replicationFactor());
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, config.commitIntervalMs());
        // Only the sessions' store has a cache.
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, config.sessionCacheBytes());
        settings.put(StreamsConfig.PROBING_REBALANCE_INTERVAL_MS_CONFIG, 60_000L);
        settings.put(StreamsConfig.ENSURE_EXPLICIT_INTERNAL_RESOURCE_NAMING_CONFIG, true);
        settings.put(StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG, PoisonRecordHandler.class);
        settings.put(PoisonRecordHandler.RUNTIME_CONFIG, runtime);
        settings.put(GLOBAL_HANDLER_CONFIG, true);
        settings.put(StreamsConfig.TASK_ASSIGNOR_CLASS_CONFIG, RecallTaskAssignor.class.getName());
        settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
        settings.put(BoundedRocksDb.BUDGET_CONFIG, rocksDb);
        settings.put(BoundedRocksDb.FLUSHES_CONFIG, runtime.flushes());
        putScheduling(settings);
        settings.put(StreamsConfig.PRODUCTION_EXCEPTION_HANDLER_CLASS_CONFIG, RefusedWriteHandler.class);
        // A rejected record may be as large as its topic takes.
        int maxRequestBytes = Redelivery.maxRequestBytes(config);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.MAX_REQUEST_SIZE_CONFIG), maxRequestBytes);
        settings.put(
                StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG),
                Math.max(MIN_BUFFER_BYTES, 2L * maxRequestBytes));
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), PRODUCER_BATCH_BYTES);
        // Quick failover: a dead instance is noticed after six seconds.
        settings.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6_000);
        settings.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 1_500);
        config.producer().forEach((key, value) -> settings.put(StreamsConfig.producerPrefix(key), value));
        config.consumer().forEach((key, value) -> settings.put(StreamsConfig.consumerPrefix(key), value));
        putOverrides(settings, config.streams());
        settings.put(ClusterReporter.GUARD_CONFIG, guard);
        putReporter(settings);
        putInterceptor(settings);
        settings.putAll(FIXED);
        return settings;
    }

    /** What a task's producer sends at most, and redelivery's, with everything that was passed through. */
    static TopicPlan.ClientLimits clientLimits(EngramConfig config, Properties settings) {
        ConfigDef definition = ProducerConfig.configDef();
        Map<String, Object> given = new StreamsConfig(settings).getProducerConfigs("limits");
        int request = number(given, ProducerConfig.MAX_REQUEST_SIZE_CONFIG, definition);
        int buffer = number(given, ProducerConfig.BUFFER_MEMORY_CONFIG, definition);
        int batch = number(given, ProducerConfig.BATCH_SIZE_CONFIG, definition);
        return new TopicPlan.ClientLimits(
                Math.min(request, buffer),
                "producer."
                        + (request <= buffer
                                ? ProducerConfig.MAX_REQUEST_SIZE_CONFIG
                                : ProducerConfig.BUFFER_MEMORY_CONFIG),
                batch,
                number(Redelivery.settings(config), ProducerConfig.MAX_REQUEST_SIZE_CONFIG, definition));
    }

    private static int number(Map<String, Object> settings, String key, ConfigDef definition) {
        Object value = ConfigDef.parseType(
                key, settings.getOrDefault(key, definition.defaultValues().get(key)), ConfigDef.Type.LONG);
        return (int) Math.min(Integer.MAX_VALUE, (Long) value);
    }

    /** Earliest deadline first works as long as little is buffered behind the head of each lane. */
    private static void putScheduling(Properties settings) {
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 0L);
        settings.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 100);
        settings.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 128 << 10);
    }

    /** Beside those that are configured, for a single kind of client too. */
    private static void putReporter(Properties settings) {
        String ours = ClusterReporter.class.getName();
        settings.putIfAbsent(StreamsConfig.METRIC_REPORTER_CLASSES_CONFIG, "");
        settings.replaceAll((key, value) -> {
            if (!key.toString().endsWith(StreamsConfig.METRIC_REPORTER_CLASSES_CONFIG)) {
                return value;
            }
            List<String> reporters = new ArrayList<>(List.of(value.toString().split("[,\\s]+")));
            reporters.removeIf(String::isEmpty);
            reporters.add(ours);
            return String.join(",", reporters);
        });
    }

    /** Beside those that are configured for consumers. */
    private static void putInterceptor(Properties settings) {
        String name = ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG;
        Object configured = settings.getOrDefault(
                StreamsConfig.mainConsumerPrefix(name),
                settings.getOrDefault(StreamsConfig.consumerPrefix(name), settings.getOrDefault(name, "")));
        String ours = FetchedPositions.class.getName();
        settings.put(
                StreamsConfig.mainConsumerPrefix(name),
                configured.toString().isBlank() ? ours : configured + "," + ours);
    }

    private static void putOverrides(Properties settings, Map<String, Object> overrides) {
        FIXED.forEach((key, value) -> {
            Object given = overrides.getOrDefault(key, value);
            if (!given.toString().equals(value)) {
                throw new ConfigException("streams." + key + " is fixed to " + value
                        + ": nothing accepted may be lost or applied twice; got " + given);
            }
        });
        settings.putAll(overrides);
    }
}
