package io.engram.topology.store;

import io.engram.index.IndexEngine;
import io.engram.topology.follow.IndexFiles;
import io.engram.topology.follow.IndexLoader;
import io.engram.topology.follow.PartitionIndex;
import io.engram.topology.follow.SnapshotConfig;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.workers.IndexWorkers;
import java.util.Map;
import java.util.function.LongSupplier;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Builds {@link MemoryStore}s:
 *
 * <pre>
 * MemoryStore (typed) → metering → changelogging → IndexedStore → RocksDB
 *                                                       └→ PartitionIndex
 * </pre>
 */
public final class MemoryStoreBuilder implements StoreBuilder<MemoryStore> {
    private final String name;
    private final Map<String, String> changelogConfig;
    private final IndexWorkers workers;
    private final IndexEngine engine;
    private final EngramMetrics metrics;
    private final IndexLoader loader;
    private final Flushes flushes;
    private final SnapshotConfig snapshots;
    private final OpenStores stores;
    private final RetentionConfig retention;
    private final LongSupplier clock;
    private final BrokerClock brokerClock;
    private final int scanThreshold;

    /**
     * @param changelogConfig topic settings of the changelog
     * @param flushes hears what RocksDB has written to its files
     * @param snapshots where the indexes are
     * @param stores is told of each that opens and closes
     * @param retention of spaces without one of their own
     * @param clock epoch milliseconds
     * @param brokerClock what decides whether a memory is too old
     * @param scanThreshold most memories of a space that has no index
     */
    public MemoryStoreBuilder(
            String name,
            Map<String, String> changelogConfig,
            IndexWorkers workers,
            IndexEngine engine,
            EngramMetrics metrics,
            IndexLoader loader,
            Flushes flushes,
            SnapshotConfig snapshots,
            OpenStores stores,
            RetentionConfig retention,
            LongSupplier clock,
            BrokerClock brokerClock,
            int scanThreshold) {
        this.name = name;
        this.changelogConfig = Map.copyOf(changelogConfig);
        this.workers = workers;
        this.engine = engine;
        this.metrics = metrics;
        this.loader = loader;
        this.flushes = flushes;
        this.snapshots = snapshots;
        this.stores = stores;
        this.retention = retention;
        this.clock = clock;
        this.brokerClock = brokerClock;
        this.scanThreshold = scanThreshold;
    }

    @Override
    public MemoryStore build() {
        IndexedStore inner = new IndexedStore(
                Stores.persistentKeyValueStore(name).get(), new Indexes(), loader, flushes, retention, brokerClock);
        KeyValueStore<Bytes, byte[]> store = Stores.keyValueStoreBuilder(
                        supplierOf(inner), Serdes.Bytes(), Serdes.ByteArray())
                .withLoggingEnabled(changelogConfig)
                .withCachingDisabled()
                .build();
        return new MemoryStore(store, inner, inner.view(), stores, scanThreshold);
    }

    private final class Indexes implements IndexedStore.IndexFactory {
        @Override
        public PartitionIndex make(TaskId task, IndexedStore store, IndexFiles files, Journal journal) {
            return new PartitionIndex(
                    task.toString(), task.partition(), files, journal, workers, engine, metrics, store.view(), clock);
        }

        @Override
        public IndexFiles files(StateStoreContext context) {
            return new IndexFiles(snapshots
                    .directory()
                    .map(directory -> directory.resolve(context.taskId().toString()))
                    .orElseGet(() -> context.stateDir().toPath().resolve("index")));
        }
    }

    private KeyValueBytesStoreSupplier supplierOf(IndexedStore inner) {
        return new KeyValueBytesStoreSupplier() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public KeyValueStore<Bytes, byte[]> get() {
                return inner;
            }

            @Override
            public String metricsScope() {
                return "rocksdb";
            }
        };
    }

    @Override
    public StoreBuilder<MemoryStore> withCachingEnabled() {
        throw new UnsupportedOperationException("a cache would hide changes from the index");
    }

    @Override
    public StoreBuilder<MemoryStore> withCachingDisabled() {
        return this;
    }

    @Override
    public StoreBuilder<MemoryStore> withLoggingEnabled(Map<String, String> config) {
        return new MemoryStoreBuilder(
                name,
                config,
                workers,
                engine,
                metrics,
                loader,
                flushes,
                snapshots,
                stores,
                retention,
                clock,
                brokerClock,
                scanThreshold);
    }

    @Override
    public StoreBuilder<MemoryStore> withLoggingDisabled() {
        throw new UnsupportedOperationException("without its changelog the store would lose memories");
    }

    @Override
    public Map<String, String> logConfig() {
        return changelogConfig;
    }

    @Override
    public boolean loggingEnabled() {
        return true;
    }

    @Override
    public String name() {
        return name;
    }
}
