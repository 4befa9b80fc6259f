package io.engram.topology.store;

import io.engram.topology.format.StoreKeys;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
import org.apache.kafka.streams.processor.internals.StateRestoreCallbackAdapter;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/** RocksDB below the sessions' cache. */
final class SessionRocks extends GuardedStore {
    private final OpenStores stores;
    private Optional<Runnable> whenClosed = Optional.empty();

    /**
     * @param stores is told when it opens and closes
     */
    SessionRocks(KeyValueStore<Bytes, byte[]> rocks, OpenStores stores) {
        super(rocks);
        this.stores = stores;
    }

    @Override
    @SuppressWarnings("unchecked") // the builder makes it of these types
    public void init(StateStoreContext context, StateStore root) {
        open(context, root, this::guardedRestore);
        SessionView view = new SessionView(this, (ReadOnlyKeyValueStore<Bytes, byte[]>) root);
        int partition = context.taskId().partition();
        exclusive(() -> whenClosed = Optional.of(() -> stores.closed(partition, view)));
        stores.opened(partition, view);
    }

    /** What is restored is written by the store's own callback, past the cache and the transaction. */
    private StateRestoreCallback guardedRestore(StateRestoreCallback own) {
        RecordBatchingStateRestoreCallback write = StateRestoreCallbackAdapter.adapt(own);
        return (RecordBatchingStateRestoreCallback) records -> shared(() -> {
            write.restoreBatch(records);
            return true;
        });
    }

    /**
     * Every key, page by page, from any thread.
     *
     * @throws io.engram.topology.follow.StoredValues.StoreClosedException when the task has gone
     */
    void forEachKey(Consumer<Bytes> consumer) {
        forEach(Bytes.wrap(new byte[0]), StoreKeys.after((byte) 'z'), entry -> consumer.accept(entry.key));
    }

    @Override
    public void close() {
        exclusive(() -> {
            whenClosed.ifPresent(Runnable::run);
            super.close();
        });
    }
}
