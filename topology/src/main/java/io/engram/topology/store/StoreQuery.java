package io.engram.topology.store;

import java.util.function.Function;
import org.apache.kafka.streams.query.Query;

/**
 * An interactive query (KIP-796) of the memory store: asks a question of a partition's {@link MemoryView} in the calling
 * thread.
 *
 * @param <R> the answer
 */
public record StoreQuery<R>(Function<MemoryView, R> question) implements Query<R> {}
