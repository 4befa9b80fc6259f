package io.engram.topology.store;

import java.util.Map;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Makes the stores that {@link SessionStore} is a typed face of:
 *
 * <pre>
 * SessionStore (typed) → metering → cache → changelogging → SessionRocks → RocksDB
 *                                     ↑
 *         SessionView, other threads ─┘
 * </pre>
 *
 * The cache belongs to the stream thread and has its share of the process's budget. What is in it is written when the thread
 * commits, or when it is full: each key once, however often it was written before.
 */
public final class SessionStoreSupplier implements KeyValueBytesStoreSupplier {
    private final String name;
    private final OpenStores stores;

    private SessionStoreSupplier(String name, OpenStores stores) {
        this.name = name;
        this.stores = stores;
    }

    /**
     * A builder of these stores.
     *
     * @param changelogConfig topic settings of the changelog
     * @param stores is told of each that opens and closes
     */
    public static StoreBuilder<KeyValueStore<Bytes, byte[]>> builder(
            String name, Map<String, String> changelogConfig, OpenStores stores) {
        return Stores.keyValueStoreBuilder(new SessionStoreSupplier(name, stores), Serdes.Bytes(), Serdes.ByteArray())
                .withLoggingEnabled(changelogConfig)
                .withCachingEnabled();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public KeyValueStore<Bytes, byte[]> get() {
        return new SessionRocks(Stores.persistentKeyValueStore(name).get(), stores);
    }

    @Override
    public String metricsScope() {
        return "rocksdb";
    }
}
