package io.engram.app.lifecycle;

import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.rejection.PoisonRecordHandler;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Tells each lane how far the consumer has read. Markers of transactions and aborted records have offsets but are never
 * delivered: without this, what ends with them would look as if it waited for ever. Runs on the stream threads.
 */
public final class FetchedPositions implements ConsumerInterceptor<byte[], byte[]> {
    private Optional<TopologyRuntime> runtime = Optional.empty();

    @Override
    public void configure(Map<String, ?> configs) {
        runtime = Optional.of((TopologyRuntime) configs.get(PoisonRecordHandler.RUNTIME_CONFIG));
    }

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
        records.nextOffsets().forEach((partition, next) -> tell(partition, records.records(partition), next.offset()));
        return records;
    }

    private void tell(TopicPartition partition, List<ConsumerRecord<byte[], byte[]>> records, long next) {
        TopologyRuntime known = runtime.orElseThrow();
        OptionalLong last = records.isEmpty()
                ? OptionalLong.empty()
                : OptionalLong.of(records.get(records.size() - 1).offset());
        known.config()
                .topics()
                .laneOf(partition.topic())
                .flatMap(lane -> known.lanes().of(new LanePartition(lane, partition.partition())))
                .ifPresent(progress -> progress.fetched(last, next));
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

    @Override
    public void close() {}
}
