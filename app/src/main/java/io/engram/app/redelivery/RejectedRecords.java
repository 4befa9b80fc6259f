package io.engram.app.redelivery;

import io.engram.schemas.Lane;
import io.engram.schemas.MemorySpaces;
import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.RejectionReason;
import io.engram.schemas.Topics;
import io.engram.topology.SpacePartitioner;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/** Reads what the topic of rejections says of a record, and makes the record that goes back to its lane. */
public final class RejectedRecords {
    private static final byte[] YES = {'1'};
    private static final Set<String> NOT_NEEDED = Set.of(
            RejectionHeaders.REASON,
            RejectionHeaders.DETAIL,
            RejectionHeaders.EXPECTED_SEQUENCE,
            RejectionHeaders.RETRY_AFTER_MS,
            RejectionHeaders.REJECTED_AT,
            RejectionHeaders.REDELIVERED);

    private final Topics topics;
    private final int partitions;

    /**
     * @param partitions of each lane
     */
    public RejectedRecords(Topics topics, int partitions) {
        this.topics = topics;
        this.partitions = partitions;
    }

    public Optional<RejectionReason> reason(ConsumerRecord<byte[], byte[]> record) {
        return text(record, RejectionHeaders.REASON).flatMap(RejectionReason::ofLabel);
    }

    /** The lane that it came from. */
    public Optional<Lane> lane(ConsumerRecord<byte[], byte[]> record) {
        return text(record, RejectionHeaders.SOURCE_TOPIC).flatMap(topics::laneOf);
    }

    public Optional<String> space(ConsumerRecord<byte[], byte[]> record) {
        return MemorySpaces.ofKey(Optional.ofNullable(record.key()));
    }

    /** True when the topic of rejections did not take all of it: what is left must not pass for the record. */
    public boolean isCut(ConsumerRecord<byte[], byte[]> record) {
        return record.headers().lastHeader(RejectionHeaders.TRUNCATED_BYTES) != null;
    }

    /** When it was rejected, epoch ms; the record's own time when its header says nothing. */
    public long rejectedAtMs(ConsumerRecord<byte[], byte[]> record) {
        try {
            return text(record, RejectionHeaders.REJECTED_AT)
                    .map(Long::parseLong)
                    .orElse(record.timestamp());
        } catch (NumberFormatException e) {
            return record.timestamp();
        }
    }

    /** Where the record was first: the same for all rejections of one record. */
    public String source(ConsumerRecord<byte[], byte[]> record) {
        return text(record, RejectionHeaders.SOURCE_TOPIC).orElse("") + "/"
                + text(record, RejectionHeaders.SOURCE_PARTITION).orElse("") + "/"
                + text(record, RejectionHeaders.SOURCE_OFFSET).orElse("");
    }

    private static Optional<String> text(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null || header.value() == null
                ? Optional.empty()
                : Optional.of(new String(header.value(), StandardCharsets.UTF_8));
    }

    /** The record for its lane: as it was, on the partition of its space, marked as one that comes again. */
    public ProducerRecord<byte[], byte[]> again(ConsumerRecord<byte[], byte[]> record, Lane lane) {
        Integer partition = record.key() == null ? null : SpacePartitioner.partition(record.key(), partitions);
        ProducerRecord<byte[], byte[]> again =
                new ProducerRecord<>(topics.observations(lane), partition, record.key(), record.value());
        for (Header header : record.headers()) {
            // What was said of it then; where and when it was first sent is still needed.
            if (!NOT_NEEDED.contains(header.key())) {
                again.headers().add(header);
            }
        }
        again.headers().add(RejectionHeaders.REDELIVERED, YES);
        return again;
    }
}
