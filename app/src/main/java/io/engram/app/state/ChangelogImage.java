package io.engram.app.state;

import io.engram.topology.progress.LanePositions;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.utils.Bytes;

/**
 * What one partition of a changelog says, as checksums: key → CRC-32C of its value. Reads what is committed, to the end
 * and on demand further. Not thread-safe.
 */
final class ChangelogImage implements AutoCloseable {
    private final Consumer<byte[], byte[]> consumer;
    private final TopicPartition partition;
    private final Map<Bytes, Integer> checksums = new HashMap<>();
    private Optional<LanePositions> positions = Optional.empty();

    /**
     * @param settings of a Kafka consumer
     */
    ChangelogImage(Map<String, Object> settings, TopicPartition partition) {
        this.partition = partition;
        this.consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        consumer.assign(List.of(partition));
        consumer.seekToBeginning(List.of(partition));
    }

    /**
     * Reads on to the end as it is now.
     *
     * @param progress is told records read and the end offset
     */
    void readToEnd(BiConsumer<Long, Long> progress) {
        long end = consumer.endOffsets(List.of(partition)).get(partition);
        while (consumer.position(partition) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                if (record.value() != null && Arrays.equals(record.key(), LanePositions.storeKey())) {
                    positions = Optional.of(LanePositions.decode(record.value()));
                }
                if (record.value() == null) {
                    checksums.remove(Bytes.wrap(record.key()));
                } else {
                    checksums.put(Bytes.wrap(record.key()), checksum(record.value()));
                }
            }
            progress.accept(consumer.position(partition), end);
        }
    }

    /** How far the lanes were processed when its last commit was written; empty before there was one. */
    Optional<LanePositions> positions() {
        return positions;
    }

    Map<Bytes, Integer> checksums() {
        return checksums;
    }

    static int checksum(byte[] value) {
        CRC32C crc = new CRC32C();
        crc.update(value);
        return (int) crc.getValue();
    }

    @Override
    public void close() {
        consumer.close();
    }
}
