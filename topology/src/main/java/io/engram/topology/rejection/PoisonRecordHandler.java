package io.engram.topology.rejection;

import io.engram.schemas.MemorySpaces;
import io.engram.schemas.RejectionReason;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.metrics.SpaceMetrics;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.apache.kafka.streams.errors.ProcessingExceptionHandler;
import org.apache.kafka.streams.processor.api.Record;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends a record that throws unexpectedly to the topic of rejections, as it came, and goes on: a poison record must not
 * take one instance after the other down. Failures of the state or the broker are no record's fault and still fail.
 * Streams makes the instance; it finds the {@link TopologyRuntime} in its configuration.
 */
public final class PoisonRecordHandler implements ProcessingExceptionHandler {
    /** The Streams configuration key under which the {@link TopologyRuntime} is handed over. */
    public static final String RUNTIME_CONFIG = "engram.topology.runtime";

    private static final Logger LOG = LoggerFactory.getLogger(PoisonRecordHandler.class);

    private Optional<TopologyRuntime> runtime = Optional.empty();

    @Override
    public void configure(Map<String, ?> configs) {
        runtime = Optional.of((TopologyRuntime) configs.get(RUNTIME_CONFIG));
    }

    /** What is said of a record that cannot be processed. */
    public static RejectedRecord rejection(Throwable cause) {
        return RejectedRecord.of(
                RejectionReason.INTERNAL_ERROR, "unexpected error while processing this record: " + cause);
    }

    @Override
    public Response handleError(ErrorHandlerContext context, Record<?, ?> record, Exception exception) {
        if (!(exception instanceof PoisonRecordException poison)) {
            return Response.fail();
        }
        LOG.error("Rejecting a record that cannot be processed", exception);
        TopologyRuntime known = runtime.orElseThrow();
        String rejectedTopic = known.config().topics().rejected();
        RejectedRecord.Source source = poison.source();
        RejectedRecord rejection = rejection(exception.getCause());
        SpaceMetrics metrics = MemorySpaces.ofKey(Optional.ofNullable(context.sourceRawKey()))
                .map(known.metrics()::knownSpace)
                .orElse(known.metrics().invalidSpace());
        metrics.rejected(RejectionReason.INTERNAL_ERROR);
        RejectionRecord outgoing = RejectionRecord.of(
                Optional.ofNullable(context.sourceRawKey()),
                Optional.ofNullable(context.sourceRawValue()),
                context.headers(),
                rejection.headers(source, known.clock().getAsLong()),
                known.writeLimits().rejectionBytes());
        if (outgoing.isCut()) {
            known.metrics().rejectionTruncated();
        }
        return Response.resume(List.of(new ProducerRecord<>(
                rejectedTopic,
                null,
                source.enqueuedAtMs(),
                outgoing.key().orElse(null),
                outgoing.value().orElse(null),
                outgoing.headers())));
    }
}
