package io.engram.app.lifecycle;

import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.kafka.ClientThreads;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.supervision.Supervisor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the broker for its time: every few seconds a small record goes to the topic of sessions, which stamps it
 * ({@code message.timestamp.type=LogAppendTime}). It has a key of its own and no value, so compaction removes it.
 */
final class BrokerTime implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BrokerTime.class);
    private static final byte[] KEY = "clock".getBytes(StandardCharsets.UTF_8);
    private static final long INTERVAL_MS = 10_000;
    private static final int ANSWER_MS = 10_000;
    private static final int FIRST_ATTEMPTS = 6;
    private static final long PAUSE_MS = 500;
    private static final long SKEW_MS = 5_000;
    private static final long WARN_AGAIN_NANOS = TimeUnit.MINUTES.toNanos(10);
    // A topic that takes the producer's time gives this back, and so is told from one that stamps.
    private static final Long NO_TIME_OF_A_BROKER = 0L;

    private final String topic;
    private final int partitions;
    private int asked;
    private final BrokerClock clock;
    private final TopologyRuntime runtime;
    private final Producer<byte[], byte[]> producer;
    private final Optional<Supervisor.Supervised> sending;
    private volatile Optional<Supervisor.Supervised> asking = Optional.empty();
    private Optional<Long> warnedAtNanos = Optional.empty();

    BrokerTime(EngramConfig config, TopologyRuntime runtime) {
        this.topic = config.topics().sessions();
        this.partitions = config.partitions();
        this.runtime = runtime;
        this.clock = runtime.brokerClock();
        Map<String, Object> settings = config.kafka();
        // What is sent again has another time, which is as good.
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, false);
        settings.put(ProducerConfig.ACKS_CONFIG, "1");
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, ANSWER_MS);
        settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, ANSWER_MS / 2);
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, ANSWER_MS);
        settings.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 1 << 20);
        this.producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        this.sending = ClientThreads.watch(runtime.supervisor(), producer);
    }

    /**
     * Returns the time, epoch ms, when it is known, and goes on asking.
     *
     * @throws StartupException when it cannot be known: what is stale could not be told from what is fresh
     */
    long start() throws InterruptedException {
        for (int attempt = 0; attempt < FIRST_ATTEMPTS && clock.nowMs().isEmpty(); attempt++) {
            ask();
            if (clock.nowMs().isEmpty()) {
                Thread.sleep(PAUSE_MS);
            }
        }
        long now = clock.nowMs()
                .orElseThrow(() -> new StartupException(
                        "the broker's time is not known: no record could be written to " + topic + " in "
                                + FIRST_ATTEMPTS
                                + " attempts, or it is not stamped there; the log says why. Allow writing to it, and set"
                                + " message.timestamp.type=LogAppendTime"));
        asking =
                Optional.of(runtime.supervisor().every("engram-broker-time", INTERVAL_MS, INTERVAL_MS, this::askAgain));
        return now;
    }

    private void askAgain() {
        try {
            ask();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void ask() throws InterruptedException {
        try {
            // In turn: a partition without a leader is no reason not to know the time.
            int partition = Math.floorMod(asked++, partitions);
            long sentAtMs = runtime.clock().getAsLong();
            long sentAtNanos = System.nanoTime();
            RecordMetadata answer = producer.send(
                            new ProducerRecord<>(topic, partition, NO_TIME_OF_A_BROKER, KEY, (byte[]) null))
                    .get(2L * ANSWER_MS, TimeUnit.MILLISECONDS);
            if (answer.timestamp() <= NO_TIME_OF_A_BROKER) {
                LOG.warn("Topic {} does not stamp records: nothing is deleted for its age", topic);
                return;
            }
            long roundTripMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - sentAtNanos);
            clock.heard(answer.timestamp(), sentAtMs, roundTripMs);
        } catch (ExecutionException | TimeoutException | RuntimeException e) {
            LOG.warn("Could not ask the broker for its time by a record to {}; trying again: {}", topic, e.toString());
        }
        warnOfSkew();
    }

    private void warnOfSkew() {
        OptionalLong skewMs = clock.skewMs();
        long now = System.nanoTime();
        boolean due = warnedAtNanos.isEmpty() || now - warnedAtNanos.get() >= WARN_AGAIN_NANOS;
        if (skewMs.isPresent() && Math.abs(skewMs.getAsLong()) > SKEW_MS && due) {
            warnedAtNanos = Optional.of(now);
            LOG.warn(
                    "This machine's clock is {} s {} the broker's: latencies and times shown here are wrong by that much;"
                            + " what is deleted for its age goes by the broker's clock. Check NTP on both",
                    Math.abs(skewMs.getAsLong()) / 1_000.0,
                    skewMs.getAsLong() > 0 ? "ahead of" : "behind");
        }
    }

    @Override
    public void close() {
        asking.ifPresent(Supervisor.Supervised::close);
        sending.ifPresent(Supervisor.Supervised::expectEnd);
        producer.close(Duration.ZERO);
    }
}
