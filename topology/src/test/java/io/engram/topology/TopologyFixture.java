package io.engram.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.index.IndexEngine;
import io.engram.schemas.JsonCodec;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.SessionProgress;
import io.engram.schemas.Topics;
import io.engram.topology.format.SessionKey;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.recall.Recall;
import io.engram.topology.recall.RecallOutcome;
import io.engram.topology.recall.RecallRequest;
import io.engram.topology.rejection.PoisonRecordHandler;
import io.engram.topology.store.CountingStore;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.SessionStore;
import io.engram.topology.store.StoreTampering;
import io.engram.topology.store.StoredKeys;
import io.engram.topology.supervision.Supervisor;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.DataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.test.TestRecord;

/** The topology over one partition, driven record by record, with a clock that the test moves. */
public final class TopologyFixture implements AutoCloseable {
    public static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    /** How many spaces have series of their own. */
    public static final int MAX_METRIC_SPACES = 1_000;

    private final AtomicLong nowMs = new AtomicLong(START.toEpochMilli());
    // The broker's time and the monotonic clock go on alike, whatever the clock of the machine does.
    private final AtomicLong brokerMs = new AtomicLong(START.toEpochMilli());
    private final BrokerClock brokerClock = new BrokerClock(() -> TimeUnit.MILLISECONDS.toNanos(brokerMs.get()));
    private boolean brokerAnswers = true;
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final TopologyRuntime runtime;
    private final TopologyTestDriver driver;
    private final Map<Lane, TestInputTopic<byte[], byte[]>> lanes = new EnumMap<>(Lane.class);
    private final TestOutputTopic<byte[], byte[]> rejected;
    private final TestOutputTopic<byte[], byte[]> sessions;
    private final TestOutputTopic<byte[], byte[]> backpressure;
    private final TestOutputTopic<byte[], byte[]> sessionsChangelog;

    public TopologyFixture(Path stateDir) {
        this(stateDir, UnaryOperator.identity(), TestEngines.create());
    }

    public TopologyFixture(Path stateDir, UnaryOperator<TopologyConfig> change, IndexEngine engine) {
        askBroker();
        TopologyConfig config = change.apply(TopologyConfig.of(new Topics(Topics.DEFAULT_PREFIX), 1));
        runtime = new TopologyRuntime(
                config,
                engine,
                new EngramMetrics(registry, MAX_METRIC_SPACES),
                nowMs::get,
                brokerClock,
                new Supervisor());
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "engram-test");
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:1");
        properties.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.TRANSACTIONAL_STATE_STORES_CONFIG, true);
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 1 << 20);
        properties.put(StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG, PoisonRecordHandler.class);
        properties.put(PoisonRecordHandler.RUNTIME_CONFIG, runtime);
        driver = new TopologyTestDriver(EngramTopology.build(runtime), properties, START);
        Topics topics = config.topics();
        for (Lane lane : Lane.ALL) {
            lanes.put(
                    lane,
                    driver.createInputTopic(
                            topics.observations(lane), new ByteArraySerializer(), new ByteArraySerializer()));
        }
        rejected = output(topics.rejected());
        sessions = output(topics.sessions());
        backpressure = output(topics.backpressure());
        sessionsChangelog = output("engram-test-" + EngramTopology.SESSIONS + "-changelog");
    }

    private TestOutputTopic<byte[], byte[]> output(String topic) {
        return driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    public void send(Lane lane, String space, Observation observation) {
        sendRaw(lane, Optional.of(bytes(space)), Optional.of(ObservationCodec.encode(observation)), Map.of());
    }

    /** Sends on the normal lane. */
    public void send(String space, Observation observation) {
        send(Lane.NORMAL, space, observation);
    }

    public void sendAt(Lane lane, String space, Observation observation, Instant enqueuedAt) {
        lanes.get(lane).pipeInput(new TestRecord<>(bytes(space), ObservationCodec.encode(observation), enqueuedAt));
    }

    public void sendRaw(Lane lane, Optional<byte[]> key, Optional<byte[]> value, Map<String, String> headers) {
        TestRecord<byte[], byte[]> record =
                new TestRecord<>(key.orElse(null), value.orElse(null), Instant.ofEpochMilli(nowMs.get()));
        headers.forEach((name, text) -> record.headers().add(name, bytes(text)));
        lanes.get(lane).pipeInput(record);
    }

    /** Sends a record as it was rejected, as redelivery does. */
    public void redeliver(Lane lane, Rejection rejection) {
        TestRecord<byte[], byte[]> record = new TestRecord<>(
                rejection.key().orElse(null),
                rejection.value().orElse(null),
                new RecordHeaders(rejection.headers()),
                Instant.ofEpochMilli(nowMs.get()));
        record.headers().add(RejectionHeaders.REDELIVERED, bytes("1"));
        lanes.get(lane).pipeInput(record);
    }

    /** Moves the clock, and with it punctuation. */
    public void advance(Duration duration) {
        // Punctuation fires once per step, as it would with a real clock.
        long tickMs = runtime.config().tickMs();
        for (long left = duration.toMillis(); left > 0; left -= tickMs) {
            long step = Math.min(left, tickMs);
            nowMs.addAndGet(step);
            brokerMs.addAndGet(step);
            askBroker();
            driver.advanceWallClockTime(Duration.ofMillis(step));
        }
    }

    private void askBroker() {
        if (brokerAnswers) {
            brokerClock.heard(brokerMs.get(), nowMs.get(), 0);
        }
    }

    /** Moves all clocks at once, over however long a time; punctuation fires once. */
    public void leap(Duration duration) {
        nowMs.addAndGet(duration.toMillis());
        brokerMs.addAndGet(duration.toMillis());
        askBroker();
        driver.advanceWallClockTime(duration);
    }

    /** Sets the clock of this machine, and not the broker's, forward or back. */
    public void setClock(Duration difference) {
        nowMs.addAndGet(difference.toMillis());
        if (!difference.isNegative()) {
            driver.advanceWallClockTime(difference);
        }
    }

    /** From now on heartbeats are answered, or not. */
    public void brokerAnswers(boolean answers) {
        brokerAnswers = answers;
        askBroker();
    }

    /** Waits until the index has everything, then ticks. */
    public void settle() {
        await().atMost(Duration.ofSeconds(20))
                .until(() -> Lane.ALL.stream().allMatch(lane -> runtime.depths().depth(lane) == 0));
        await().atMost(Duration.ofSeconds(20))
                .until(() -> store().view().index().isCaughtUp());
        advance(Duration.ofMillis(runtime.config().tickMs()));
    }

    /** A rejected record. */
    public record Rejection(Optional<byte[]> key, Optional<byte[]> value, Headers headers) {
        public String header(String name) {
            assertThat(headers.headers(name)).as("header " + name).hasSize(1);
            return new String(headers.lastHeader(name).value(), StandardCharsets.UTF_8);
        }

        public String reason() {
            return header(RejectionHeaders.REASON);
        }

        public String detail() {
            return header(RejectionHeaders.DETAIL);
        }
    }

    /** All rejections since the last call. */
    public List<Rejection> rejections() {
        return rejected.readRecordsToList().stream()
                .map(record -> new Rejection(
                        Optional.ofNullable(record.key()), Optional.ofNullable(record.value()), record.headers()))
                .toList();
    }

    /** The reasons of all rejections since the last call. */
    public List<String> rejectionReasons() {
        return rejections().stream().map(Rejection::reason).toList();
    }

    /** The last progress of each session since the last call, by key; purged sessions map to empty. */
    public Map<String, Optional<SessionProgress>> progress() {
        Map<String, Optional<SessionProgress>> progress = new HashMap<>();
        sessions.readRecordsToList()
                .forEach(record -> progress.put(
                        text(record.key()), Optional.ofNullable(record.value()).map(JsonCodec::decodeProgress)));
        return progress;
    }

    /** The keys of all records of the sessions' changelog since the last call. */
    public List<byte[]> sessionsChangelog() {
        return sessionsChangelog.readRecordsToList().stream()
                .map(TestRecord::key)
                .toList();
    }

    /** All records of backpressure since the last call, as {@code key level}. */
    public List<String> backpressure() {
        return backpressure.readRecordsToList().stream()
                .map(record -> text(record.key()) + " "
                        + JsonCodec.decodeBackpressure(record.value()).level())
                .toList();
    }

    public RecallOutcome recall(RecallRequest request) {
        return Recall.from(store().view(), request);
    }

    /** The ids recalled for a query, best first. */
    public List<String> recallIds(String space, float[] query, int k) {
        return ((RecallOutcome.Found) recall(RecallRequest.of(space, query, k)))
                .memories().stream().map(RecallOutcome.Recalled::id).toList();
    }

    public MemoryStore store() {
        return (MemoryStore) driver.getStateStore(EngramTopology.STORE);
    }

    /** The store behind the cache. */
    public KeyValueStore<Bytes, byte[]> cachedStore() {
        return driver.getKeyValueStore(EngramTopology.SESSIONS);
    }

    /** Has another one, which has nothing yet, begin with what is stored of sessions here, committed or not. */
    public void copySessionsTo(TopologyFixture other) {
        try (KeyValueIterator<Bytes, byte[]> all = cachedStore().all()) {
            all.forEachRemaining(entry -> other.cachedStore().put(entry.key, entry.value));
        }
    }

    /** The sessions as they are stored, for one test's thread. */
    public SessionStore sessions() {
        return new SessionStore(cachedStore());
    }

    /** As {@link #sessions()}, with what it reads counted. */
    public SessionStore sessions(CountingStore reads) {
        return new SessionStore(reads.wrap(cachedStore()));
    }

    /** Damages the state of a session. */
    public void damageSession(SessionKey key, byte[] value) {
        StoreTampering.putSession(cachedStore(), key, value);
    }

    /** What is stored of sessions and of what is due of them. */
    public List<Bytes> sessionKeys() {
        return StoredKeys.ofSessions(cachedStore());
    }

    public TopologyRuntime runtime() {
        return runtime;
    }

    /** The value of a counter or gauge, labels as name, value, name, value … */
    public double metric(String name, String... labels) {
        for (MetricSnapshot snapshot : registry.scrape()) {
            boolean counter = snapshot instanceof CounterSnapshot;
            if (!name.equals(snapshot.getMetadata().getPrometheusName() + (counter ? "_total" : ""))
                    && !name.equals(snapshot.getMetadata().getPrometheusName())) {
                continue;
            }
            for (DataPointSnapshot point : snapshot.getDataPoints()) {
                if (!point.getLabels().equals(Labels.of(labels))) {
                    continue;
                }
                if (point instanceof CounterSnapshot.CounterDataPointSnapshot value) {
                    return value.getValue();
                }
                if (point instanceof GaugeSnapshot.GaugeDataPointSnapshot value) {
                    return value.getValue();
                }
            }
        }
        throw new AssertionError("no metric " + name + List.of(labels));
    }

    /** The values of {@code memory_space} that a scrape has. */
    public Set<String> spacesOfMetrics() {
        return spacesOf(registry);
    }

    /** The values of {@code memory_space} that a scrape of a registry has. */
    public static Set<String> spacesOf(PrometheusRegistry registry) {
        return registry.scrape().stream()
                .flatMap(family -> family.getDataPoints().stream())
                .map(point -> point.getLabels().get("memory_space"))
                .filter(Objects::nonNull)
                .collect(Collectors.toSet());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        driver.close();
        runtime.close();
    }
}
