package io.engram.topology.store;

import java.util.Optional;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Bytes;

/**
 * The entries of a store as its changelog should have them, for comparing the two. Thread-safe; every method throws {@link
 * io.engram.topology.follow.StoredValues.StoreClosedException} once the task has gone elsewhere.
 */
public interface StoredEntries {
    /** The store's name, by which its changelog is called. */
    String storeName();

    /** Every key of the store. */
    void forEachKey(Consumer<Bytes> consumer);

    /** What is stored under a key of the changelog, as it is now. */
    Optional<byte[]> raw(byte[] key);
}
