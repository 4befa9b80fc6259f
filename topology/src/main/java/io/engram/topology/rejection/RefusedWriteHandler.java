package io.engram.topology.rejection;

import io.engram.topology.TopologyRuntime;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.apache.kafka.streams.errors.ProductionExceptionHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says what was refused, and why, when a record that a task wrote is not taken. Records are measured before they are
 * written, so this is for topics that were changed since they were last looked at. The transaction is lost in any case:
 * passing the record over would not save it. The task reads its records again, and rejections are cut shorter this time.
 * Streams makes the instance; it finds the {@link TopologyRuntime} in its configuration.
 */
public final class RefusedWriteHandler implements ProductionExceptionHandler {
    private static final Logger LOG = LoggerFactory.getLogger(RefusedWriteHandler.class);

    private Optional<TopologyRuntime> runtime = Optional.empty();

    @Override
    public void configure(Map<String, ?> configs) {
        runtime = Optional.of((TopologyRuntime) configs.get(PoisonRecordHandler.RUNTIME_CONFIG));
    }

    @Override
    public Response handleError(
            ErrorHandlerContext context, ProducerRecord<byte[], byte[]> record, Exception exception) {
        long bytes =
                RecordSize.of(Optional.ofNullable(record.key()), Optional.ofNullable(record.value()), record.headers());
        if (exception instanceof RecordTooLargeException || exception instanceof RecordBatchTooLargeException) {
            LOG.error(
                    "Topic {} refused a record of {} bytes: raise its max.message.bytes (and segment.bytes, and"
                            + " producer.max.request.size, if they are smaller) to at least that with kafka-configs --alter;"
                            + " nothing is lost, the record is processed again: {}",
                    record.topic(),
                    bytes,
                    exception.getMessage());
            if (record.topic().equals(rejectedTopic())) {
                runtime.orElseThrow().writeLimits().refused(bytes);
            }
        } else {
            LOG.error(
                    "Topic {} refused a record of {} bytes; the transaction is undone, and its records are processed again: {}",
                    record.topic(),
                    bytes,
                    exception.toString());
        }
        return Response.fail();
    }

    private String rejectedTopic() {
        return runtime.orElseThrow().config().topics().rejected();
    }
}
