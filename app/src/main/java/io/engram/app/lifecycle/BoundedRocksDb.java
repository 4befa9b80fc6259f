package io.engram.app.lifecycle;

import io.engram.topology.store.Flushes;
import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.AbstractEventListener;
import org.rocksdb.BackgroundErrorReason;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.Options;
import org.rocksdb.Status;

/**
 * Bounds RocksDB: one block cache and one write-buffer budget for all stores of the process. Values with embeddings go to
 * blob files, so that compaction need not copy them; nothing is compressed, because floats do not compress.
 */
public final class BoundedRocksDb implements RocksDBConfigSetter {
    /** The Streams configuration key under which the {@link RocksDbBudget} is handed over. */
    static final String BUDGET_CONFIG = "engram.rocksdb.budget";

    /** The Streams configuration key under which the {@link Flushes} are handed over. */
    static final String FLUSHES_CONFIG = "engram.rocksdb.flushes";

    private static final long BLOB_FROM_BYTES = 1 << 10;

    private BloomFilter bloomFilter;
    private List<AbstractEventListener> listeners = List.of();

    /**
     * Where there is no room, RocksDB would look for some every few seconds, and let whoever writes wait: the stream thread
     * would hang, with nobody told and nobody to take over, until its group gives it up after minutes.
     *
     * <p>RocksDB's Java side does not know every reason that its other side gives (a flush without a log is one): then it
     * prints an exception on standard error instead of asking, which counts as false.
     */
    static final class FailAtOnce extends AbstractEventListener {
        FailAtOnce() {
            super(EnabledEventCallback.ON_ERROR_RECOVERY_BEGIN);
        }

        /** False ends the writes with the error. */
        @Override
        public boolean onErrorRecoveryBegin(BackgroundErrorReason reason, Status error) {
            return error == null || error.getSubCode() != Status.SubCode.NoSpace;
        }
    }

    @Override
    public void setConfig(String storeName, Options options, Map<String, Object> configs) {
        RocksDbBudget budget = (RocksDbBudget) configs.get(BUDGET_CONFIG);
        bloomFilter = new BloomFilter();
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(budget.blockCache());
        table.setCacheIndexAndFilterBlocks(true);
        // Most observations are new: the filter answers "not stored" without a read.
        table.setFilterPolicy(bloomFilter);
        options.setTableFormatConfig(table);
        options.setWriteBufferManager(budget.writeBuffers());
        options.setCompressionType(CompressionType.NO_COMPRESSION);
        options.setEnableBlobFiles(true);
        options.setMinBlobSize(BLOB_FROM_BYTES);
        options.setEnableBlobGarbageCollection(true);
        listeners = List.of(new FailAtOnce(), ((Flushes) configs.get(FLUSHES_CONFIG)).listener());
        options.setListeners(listeners);
    }

    @Override
    public void close(String storeName, Options options) {
        listeners.forEach(AbstractEventListener::close);
        bloomFilter.close();
    }
}
