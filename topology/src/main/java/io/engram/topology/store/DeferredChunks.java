package io.engram.topology.store;

import io.engram.schemas.Lane;
import io.engram.topology.format.DeferredChunk;
import io.engram.topology.format.StoreKeys;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The source offsets of a partition that were deferred, typed, in chunks of neighbours:
 *
 * <pre>
 * 'd' | lane (1) | number (8, big-endian)      → {@link DeferredChunk}
 * </pre>
 *
 * Belongs to the stream thread.
 */
public final class DeferredChunks {
    private final Supplier<KeyValueStore<Bytes, byte[]>> store;

    DeferredChunks(Supplier<KeyValueStore<Bytes, byte[]>> store) {
        this.store = store;
    }

    /** What is known of a chunk of neighbouring source offsets of a lane. */
    public Optional<DeferredChunk> find(Lane lane, long number) {
        return Optional.ofNullable(store.get().get(StoreKeys.deferred(lane, number)))
                .map(DeferredChunk::decode);
    }

    public void put(Lane lane, long number, DeferredChunk chunk) {
        store.get().put(StoreKeys.deferred(lane, number), chunk.encode());
    }

    public void delete(Lane lane, long number) {
        store.get().put(StoreKeys.deferred(lane, number), null);
    }

    /** Looks at chunks one by one. */
    public interface ChunkVisitor {
        /** Returns true to go on. */
        boolean visit(long number, DeferredChunk chunk);
    }

    /** Shows up to {@code max} of a lane's chunks, from a number on and in order; returns how many it showed. */
    public int scan(Lane lane, long from, int max, ChunkVisitor visitor) {
        int shown = 0;
        Bytes end = StoreKeys.afterDeferred(lane);
        try (KeyValueIterator<Bytes, byte[]> iterator = store.get().range(StoreKeys.deferred(lane, from), end)) {
            boolean more = true;
            while (more && shown < max && iterator.hasNext()) {
                KeyValue<Bytes, byte[]> entry = iterator.next();
                more = entry.key.compareTo(end) < 0
                        && visitor.visit(StoreKeys.chunkOf(entry.key.get()), DeferredChunk.decode(entry.value));
                shown++;
            }
        }
        return shown;
    }
}
