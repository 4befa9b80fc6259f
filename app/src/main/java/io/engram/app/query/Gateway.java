package io.engram.app.query;

import io.engram.app.config.EngramConfig;
import io.engram.app.kafka.ClientThreads;
import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.RejectionReason;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.AdmissionConfig;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.checks.RecentRejections;
import io.engram.topology.indexing.LaneProgress;
import io.engram.topology.indexing.OffsetTracker;
import io.engram.topology.supervision.Supervisor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes observations to the lanes for those without a Kafka client. It numbers them in sessions of its own, one per space
 * and lane. Thread-safe.
 */
public final class Gateway implements AutoCloseable {
    private static final long LOOK_AGAIN_MS = 200;
    private static final int MAX_SESSIONS = 10_000;

    private final TopologyRuntime runtime;
    private final LocalStores stores;
    private final EngramConfig config;
    private final BackpressureWatch backpressure;
    private final Producer<byte[], byte[]> producer;
    private final String name = "http-" + UUID.randomUUID().toString().substring(0, 8);
    private final Optional<Supervisor.Supervised> sending;
    private final AtomicLong sessionCount = new AtomicLong();
    private final Map<SpaceLane, Session> sessions = new ConcurrentHashMap<>();

    private record SpaceLane(String space, Lane lane) {}

    /** Numbers are given out and sent under the session's own lock, so that they reach the producer in order. */
    private static final class Session {
        final String id;
        long lastSequence;
        long lastUsedMs;
        volatile long lastOffset = -1;
        // A number that may not have arrived would make all later ones a gap.
        volatile boolean broken;
        // What was sent after a number that did not arrive is a gap, even if the broker took it.
        volatile long lost = Long.MAX_VALUE;

        Session(String id) {
            this.id = id;
        }
    }

    /** Where a record went, and as what. */
    public record Enqueued(String topic, int partition, long offset, String session, long sequence) {}

    /** What became of a record. */
    public sealed interface Fate {
        /** It is recallable, or applied, or a newer change of the same memory was there first. */
        record Indexed() implements Fate {}

        /** It says what was said before; that is recallable. */
        record Repeated(RecentRejections.Rejection rejection) implements Fate {}

        /** It was not accepted. */
        record Rejected(RecentRejections.Rejection rejection) implements Fate {}

        /** It was shed, and will be written to its lane again when there is room. */
        record Deferred(RecentRejections.Rejection rejection) implements Fate {}

        /** It was dealt with by an instance that cannot be asked any more, or too long ago; if there was such a record. */
        record Processed() implements Fate {}

        /** There is no such record: its transaction was aborted, it is a transaction's marker, or it was deleted. */
        record Absent() implements Fate {}

        /** It is still on its way, or nothing is written there yet. */
        record Pending() implements Fate {}
    }

    public Gateway(EngramConfig config, LocalStores stores, TopologyRuntime runtime, BackpressureWatch backpressure) {
        this.backpressure = backpressure;
        this.config = config;
        this.stores = stores;
        this.runtime = runtime;
        Map<String, Object> settings = config.kafka();
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 15_000);
        settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 5_000);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 5_000);
        settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, 8 << 20);
        settings.putAll(config.producer());
        this.producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        this.sending = ClientThreads.watch(runtime.supervisor(), producer);
    }

    /** Milliseconds to wait when the space's lane is overloaded, empty when it takes observations. */
    public Optional<Long> overloaded(String space, Lane lane) {
        LanePartition partition = new LanePartition(lane, stores.partitionOf(space));
        return runtime.board()
                .status(partition)
                .or(() -> backpressure.status(partition)) // processed elsewhere
                .filter(status -> status.level().equals("overloaded"))
                .filter(status -> status.reason().equals(BackpressureStatus.MEMORY)
                        || runtime.config().admission().policy() == AdmissionConfig.Policy.REJECT)
                .map(BackpressureStatus::retryAfterMs);
    }

    /**
     * Sends a record; its session and sequence are replaced by the gateway's.
     *
     * @return completes when the broker has it, or fails
     */
    public CompletableFuture<Enqueued> send(String space, Lane lane, Observation observation) {
        Session session = session(new SpaceLane(space, lane));
        CompletableFuture<Enqueued> sent = new CompletableFuture<>();
        synchronized (session) {
            long sequence = ++session.lastSequence;
            session.lastUsedMs = System.currentTimeMillis();
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
                    config.topics().observations(lane),
                    stores.partitionOf(space),
                    space.getBytes(StandardCharsets.UTF_8),
                    ObservationCodec.encode(observation.at(session.id, sequence)));
            try {
                producer.send(record, (metadata, failure) -> {
                    if (failure != null) {
                        session.broken = true;
                        session.lost = Math.min(session.lost, sequence);
                        sent.completeExceptionally(failure);
                    } else if (sequence > session.lost) {
                        sent.completeExceptionally(
                                new KafkaException("an earlier record of this session did not arrive; send it again"));
                    } else {
                        session.lastOffset = metadata.offset();
                        sent.complete(new Enqueued(
                                metadata.topic(), metadata.partition(), metadata.offset(), session.id, sequence));
                    }
                });
            } catch (RuntimeException e) {
                session.broken = true;
                session.lost = Math.min(session.lost, sequence);
                sent.completeExceptionally(e);
            }
        }
        return sent;
    }

    /** Goes on under another session: somebody else wrote under that one. */
    public void abandon(String space, Lane lane, String session) {
        sessions.computeIfPresent(
                new SpaceLane(space, lane), (unused, known) -> known.id.equals(session) ? null : known);
    }

    private Session session(SpaceLane key) {
        if (sessions.size() > MAX_SESSIONS) {
            sessions.clear(); // each space goes on with a new session
        }
        return sessions.compute(
                key,
                (unused, known) -> known != null && isUsable(key, known)
                        ? known
                        : new Session(name + "-" + sessionCount.incrementAndGet()));
    }

    /** False when the stores may have forgotten the session, or have refused its numbers. */
    private boolean isUsable(SpaceLane key, Session session) {
        long idleMs = System.currentTimeMillis() - session.lastUsedMs;
        LanePartition partition = new LanePartition(key.lane(), stores.partitionOf(key.space()));
        boolean refused = runtime.rejections()
                .of(partition, session.lastOffset)
                .filter(rejection -> rejection.reason() == RejectionReason.INVALID_SEQUENCE)
                .isPresent();
        return !session.broken
                && !refused
                && idleMs < runtime.config().sessions().retentionMs() / 2;
    }

    /**
     * Waits until a record is recallable or rejected.
     *
     * @throws UnavailableException when the space's partition is not processed here, or no longer
     */
    public Fate await(String space, Lane lane, long offset, long timeoutMs) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (true) {
            // Asked again and again: whoever waits must notice that the partition has gone elsewhere.
            LaneProgress progress = stores.askActive(space, view -> view.lanes().get(lane));
            if (progress.indexedOffset() >= offset) {
                return fate(new LanePartition(lane, stores.partitionOf(space)), offset, progress.offsets());
            }
            long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (leftMs <= 0) {
                return new Fate.Pending();
            }
            progress.offsets().await(offset, Math.min(leftMs, LOOK_AGAIN_MS));
        }
    }

    /** What became of an offset that is done with; told from what happened here. */
    private Fate fate(LanePartition partition, long offset, OffsetTracker offsets) {
        Optional<RecentRejections.Rejection> rejection = runtime.rejections().of(partition, offset);
        if (rejection.isPresent()) {
            return switch (rejection.get().reason()) {
                case OVER_CAPACITY ->
                    config.redeliveryEnabled()
                            ? new Fate.Deferred(rejection.get())
                            : new Fate.Rejected(rejection.get());
                case DUPLICATE -> new Fate.Repeated(rejection.get());
                default -> new Fate.Rejected(rejection.get());
            };
        }
        return switch (offsets.seen(offset)) {
            case DELIVERED ->
                runtime.rejections().remembers(partition, offset) ? new Fate.Indexed() : new Fate.Processed();
            case SKIPPED -> new Fate.Absent();
            case FORGOTTEN, COMING -> new Fate.Processed(); // before anything was read here
        };
    }

    @Override
    public void close() {
        sending.ifPresent(Supervisor.Supervised::expectEnd);
        producer.close(Duration.ofSeconds(5));
    }
}
