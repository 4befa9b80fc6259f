package io.engram.app.state;

import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes a store into one partition of its changelog, as Kafka Streams does: key and value as RocksDB has them, without
 * headers. It uses no transaction, which could not last as long: what is there of a run that broke off is part of the next.
 */
final class ChangelogWriter implements AutoCloseable {
    static final int BATCH_BYTES = 64 << 10;

    /** What a producer may send at least in one request. */
    static final int LEAST_REQUEST_BYTES = 1 << 20;

    private static final long LEAST_BUFFER_BYTES = 32 << 20;
    private static final long PATIENCE_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final EngramConfig config;
    private final TopicPartition partition;
    private final Producer<byte[], byte[]> producer;
    private final AtomicReference<Exception> failure = new AtomicReference<>();
    private Future<RecordMetadata> first;
    private Future<RecordMetadata> last;

    /**
     * @param largestBytes of a record
     */
    ChangelogWriter(EngramConfig config, TopicPartition partition, int largestBytes) {
        this.config = config;
        this.partition = partition;
        Map<String, Object> settings = config.kafka();
        settings.putAll(config.producer());
        settings.remove(ProducerConfig.TRANSACTIONAL_ID_CONFIG);
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, BATCH_BYTES);
        settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, Math.max(LEAST_REQUEST_BYTES, largestBytes));
        settings.put(ProducerConfig.BUFFER_MEMORY_CONFIG, Math.max(LEAST_BUFFER_BYTES, 2L * largestBytes));
        producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /**
     * Writes every entry, reads all of it back and compares.
     *
     * @param expected what the store held when it was looked at
     * @throws StartupException when it is not there as it was written
     */
    void write(StoppedStore store, EntrySum expected, LongConsumer progress)
            throws IOException, InterruptedException, ExecutionException {
        EntrySum sent = new EntrySum();
        store.forEach((key, value) -> {
            sent.add(key, value);
            send(key, value);
            progress.accept(sent.count());
        });
        producer.flush();
        requireNoFailure();
        if (sent.count() == 0) {
            return;
        }
        EntrySum found = read(first.get().offset(), last.get().offset(), progress);
        if (!sent.isSameAs(expected) || !found.isSameAs(sent)) {
            throw new StartupException("partition " + partition + " of the changelog does not hold what was written: "
                    + found.count() + " entries of " + sent.count()
                    + ", or others. Something else writes there; the state is as it was. Run it again when that has"
                    + " stopped");
        }
    }

    private void send(byte[] key, byte[] value) {
        requireNoFailure();
        last = producer.send(
                new ProducerRecord<>(partition.topic(), partition.partition(), key, value), (metadata, e) -> {
                    if (e != null) {
                        failure.compareAndSet(null, e);
                    }
                });
        first = first == null ? last : first;
    }

    private void requireNoFailure() {
        Exception failed = failure.get();
        if (failed != null) {
            throw new StartupException(
                    "cannot write to " + partition + ": " + failed.getMessage()
                            + ". The state is as it was; what was written does no harm, run it again",
                    failed);
        }
    }

    private EntrySum read(long from, long to, LongConsumer progress) {
        EntrySum found = new EntrySum();
        try (Consumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config.plainConsumer(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, from);
            long movedNanos = System.nanoTime();
            long before = from;
            while (before <= to && System.nanoTime() - movedNanos < PATIENCE_NANOS) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    if (record.offset() <= to && record.value() != null) {
                        found.add(record.key(), record.value());
                    }
                }
                progress.accept(found.count());
                if (consumer.position(partition) > before) {
                    before = consumer.position(partition);
                    movedNanos = System.nanoTime();
                }
            }
        }
        return found;
    }

    @Override
    public void close() {
        producer.close(Duration.ofSeconds(10));
    }
}
