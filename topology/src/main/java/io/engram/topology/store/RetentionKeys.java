package io.engram.topology.store;

import io.engram.topology.format.DefaultsReview;
import io.engram.topology.format.RetentionState;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.store.MemoryStore.TimedMemory;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * What retention keeps, typed:
 *
 * <pre>
 * 'k' | space                     → {@link RetentionState}
 * 'e' | space 00 | time (8) | id  → nothing: when a memory was enqueued
 * 'v'                             → {@link DefaultsReview}
 * </pre>
 *
 * Belongs to the stream thread.
 */
public final class RetentionKeys {
    private static final byte[] EMPTY = {};

    private final Supplier<KeyValueStore<Bytes, byte[]>> store;

    RetentionKeys(Supplier<KeyValueStore<Bytes, byte[]>> store) {
        this.store = store;
    }

    /** How far retention is with a space; empty when the space was never limited. */
    public Optional<RetentionState> state(String space) {
        return Optional.ofNullable(store.get().get(StoreKeys.retention(space))).map(RetentionState::decode);
    }

    public void putState(String space, RetentionState state) {
        store.get().put(StoreKeys.retention(space), state.encode());
    }

    public void deleteState(String space) {
        store.get().put(StoreKeys.retention(space), null);
    }

    /** Whether spaces follow the configured retention. */
    public DefaultsReview review() {
        return Optional.ofNullable(store.get().get(StoreKeys.REVIEW))
                .map(DefaultsReview::decode)
                .orElse(DefaultsReview.NONE);
    }

    public void putReview(DefaultsReview review) {
        store.get().put(StoreKeys.REVIEW, review.encode());
    }

    public void putTime(String space, TimedMemory memory) {
        store.get().put(StoreKeys.time(space, memory.timeMs(), memory.id()), EMPTY);
    }

    public void deleteTime(String space, TimedMemory memory) {
        store.get().put(StoreKeys.time(space, memory.timeMs(), memory.id()), null);
    }

    /** Up to {@code max} memories of a space in order of time, behind {@code after}. */
    public List<TimedMemory> timesAfter(String space, Optional<TimedMemory> after, int max) {
        Bytes from = after.map(last -> StoreKeys.successor(StoreKeys.time(space, last.timeMs(), last.id())))
                .orElse(StoreKeys.time(space, 0, ""));
        return MemoryStore.page(store.get(), from, StoreKeys.afterTimes(space), max).stream()
                .map(entry -> new TimedMemory(
                        StoreKeys.timeOf(entry.key.get(), space), StoreKeys.idOfTime(entry.key.get(), space)))
                .toList();
    }
}
