package io.engram.topology.store;

import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;

/**
 * Keeps the cache of Streams from keeping source records. With each entry it keeps key and value of the record that was being
 * processed when the entry was written, for as long as the entry is in it, and does not count them: what is a hundred bytes to
 * {@code statestore.cache.max.bytes} may be a megabyte of the heap. They are there for handlers of exceptions.
 */
public final class SourceRecords {
    private SourceRecords() {}

    /**
     * No handler needs key and value of the record any more: what is written from now on does not keep them.
     *
     * @param source where the record that is being processed came from, as Streams says it
     */
    public static void release(RecordMetadata source) {
        if (source instanceof ProcessorRecordContext context) {
            context.freeRawRecord();
        }
    }
}
