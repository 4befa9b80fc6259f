package io.engram.topology.store;

import io.engram.topology.follow.StoredValues.StoreClosedException;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.format.SpaceSize;
import io.engram.topology.format.StoreKeys;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/**
 * What other threads read of the sessions of one partition, and of the sizes of its spaces: the latest state, committed or not. Thread-safe; every method
 * throws {@link StoreClosedException} once the task has gone elsewhere.
 */
public final class SessionView implements StoredEntries {
    private final SessionRocks inner;
    // RocksDB has what the last commit wrote; what came since is in the cache before it. Its lock keeps it from being
    // closed
    // while somebody reads.
    private final ReadOnlyKeyValueStore<Bytes, byte[]> cached;

    /**
     * @param inner what the cache writes to
     * @param cached the store with its cache
     */
    SessionView(SessionRocks inner, ReadOnlyKeyValueStore<Bytes, byte[]> cached) {
        this.inner = inner;
        this.cached = cached;
    }

    SessionRocks store() {
        return inner;
    }

    /** Where a session stands. */
    public Optional<SessionState> session(SessionKey key) {
        return read(StoreKeys.session(key.space(), key.lane(), key.session())).map(SessionState::decode);
    }

    /** How much a space holds. */
    SpaceSize size(String space) {
        return read(StoreKeys.size(space)).map(SpaceSize::decode).orElse(SpaceSize.EMPTY);
    }

    private Optional<byte[]> read(Bytes key) {
        try {
            return Optional.ofNullable(cached.get(key));
        } catch (InvalidStateStoreException e) {
            throw new StoreClosedException(inner.name());
        }
    }

    @Override
    public String storeName() {
        return inner.name();
    }

    /** Those that are committed. */
    @Override
    public void forEachKey(Consumer<Bytes> consumer) {
        inner.forEachKey(consumer);
    }

    @Override
    public Optional<byte[]> raw(byte[] key) {
        return read(Bytes.wrap(key));
    }
}
