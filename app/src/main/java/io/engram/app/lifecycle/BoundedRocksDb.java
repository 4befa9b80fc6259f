package io.engram.app.lifecycle;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.Options;

/**
 * Bounds RocksDB: one block cache and one write-buffer budget for all stores of the process. Values with embeddings go to
 * blob files, so that compaction need not copy them; nothing is compressed, because floats do not compress.
 */
public final class BoundedRocksDb implements RocksDBConfigSetter {
    /** The Streams configuration key under which the {@link RocksDbBudget} is handed over. */
    static final String BUDGET_CONFIG = "engram.rocksdb.budget";

    private static final long BLOB_FROM_BYTES = 1 << 10;

    private BloomFilter bloomFilter;

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
    }

    @Override
    public void close(String storeName, Options options) {
        bloomFilter.close();
    }
}
