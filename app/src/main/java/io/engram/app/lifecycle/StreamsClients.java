package io.engram.app.lifecycle;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaClientSupplier;

/**
 * The Kafka clients of the stream threads, as Kafka Streams itself would make them, except that its producers can be made to
 * give up. Thread-safe.
 */
final class StreamsClients implements KafkaClientSupplier {
    private final Set<KafkaProducer<byte[], byte[]>> producers = ConcurrentHashMap.newKeySet();

    /** A producer, for as long as nobody closes it. */
    private final class OpenProducer extends KafkaProducer<byte[], byte[]> {
        OpenProducer(Map<String, Object> config) {
            super(config, new ByteArraySerializer(), new ByteArraySerializer());
            producers.add(this);
        }

        @Override
        public void close() {
            producers.remove(this);
            super.close();
        }

        @Override
        public void close(Duration timeout) {
            producers.remove(this);
            super.close(timeout);
        }
    }

    /**
     * Closes all producers at once. Their stream threads end with an error, and are replaced by others with new ones; what
     * they had not committed is aborted and processed again.
     */
    void renewProducers() {
        List.copyOf(producers).forEach(producer -> producer.close(Duration.ZERO));
    }

    @Override
    public Admin getAdmin(Map<String, Object> config) {
        return Admin.create(config);
    }

    @Override
    public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
        return new OpenProducer(config);
    }

    @Override
    public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
        return consumer(config);
    }

    @Override
    public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
        return consumer(config);
    }

    @Override
    public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
        return consumer(config);
    }

    private static Consumer<byte[], byte[]> consumer(Map<String, Object> config) {
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
