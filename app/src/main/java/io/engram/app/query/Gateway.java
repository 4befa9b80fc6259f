package io.engram.app.query;

import io.engram.app.config.EngramConfig;
import io.engram.app.kafka.ClientThreads;
import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Operation;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.AdmissionConfig;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.OffsetTracker;
import io.engram.topology.rejection.RecentRejections;
import io.engram.topology.supervision.Supervisor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes observations to the lanes for those without a Kafka client. They have no session: what is sent twice is told by its
 * id. Thread-safe.
 */
public final class Gateway implements AutoCloseable {
    private static final long LOOK_AGAIN_MS = 200;

    private final TopologyRuntime runtime;
    private final LocalStores stores;
    private final EngramConfig config;
    private final BackpressureWatch backpressure;
    private final Producer<byte[], byte[]> producer;
    private final Optional<Supervisor.Supervised> sending;

    /**
     * Where a record went.
     *
     * @param id of the memory that it speaks of, given or made up; empty for what concerns the whole space
     */
    public record Enqueued(String topic, int partition, long offset, Optional<String> id) {}

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
     * Sends a record. What is to be remembered and has no id gets one, so that the client can name it.
     *
     * @return completes when the broker has it, or fails
     */
    public CompletableFuture<Enqueued> send(String space, Lane lane, Observation observation) {
        Observation named =
                observation.operation() == Operation.OBSERVE && observation.id().isEmpty()
                        ? observation.withId(UUID.randomUUID().toString())
                        : observation;
        CompletableFuture<Enqueued> sent = new CompletableFuture<>();
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
                config.topics().observations(lane),
                stores.partitionOf(space),
                space.getBytes(StandardCharsets.UTF_8),
                ObservationCodec.encode(named));
        try {
            producer.send(record, (metadata, failure) -> {
                if (failure != null) {
                    sent.completeExceptionally(failure);
                } else {
                    sent.complete(new Enqueued(metadata.topic(), metadata.partition(), metadata.offset(), named.id()));
                }
            });
        } catch (RuntimeException e) {
            sent.completeExceptionally(e);
        }
        return sent;
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
