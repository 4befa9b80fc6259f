package io.engram.topology.store;

import io.engram.topology.format.SpaceSize;
import io.engram.topology.format.StoreKeys;
import java.util.Optional;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * How much the spaces of a task hold, typed:
 *
 * <pre>
 * 'c' | space      → {@link SpaceSize}; absent for one that is empty
 * </pre>
 *
 * A size changes with each memory and only its latest value matters, so it is behind the cache, beside the sessions. Belongs
 * to the stream thread.
 */
final class SpaceSizes {
    private final KeyValueStore<Bytes, byte[]> store;

    /**
     * @param store with a cache, from {@link SessionStoreSupplier}
     */
    SpaceSizes(KeyValueStore<Bytes, byte[]> store) {
        this.store = store;
    }

    SpaceSize of(String space) {
        return Optional.ofNullable(store.get(StoreKeys.size(space)))
                .map(SpaceSize::decode)
                .orElse(SpaceSize.EMPTY);
    }

    void put(String space, SpaceSize size) {
        store.put(StoreKeys.size(space), size.isEmpty() ? null : size.encode());
    }
}
