package io.engram.app.lifecycle;

import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBufferManager;

/** The native memory that all RocksDB stores of a process share. Close it after the streams. Thread-safe. */
final class RocksDbBudget implements AutoCloseable {
    static {
        RocksDB.loadLibrary();
    }

    private final Cache blockCache;
    private final WriteBufferManager writeBuffers;

    /**
     * @param blockCacheBytes for blocks read, and for write buffers
     * @param writeBufferBytes for writes not yet flushed
     */
    RocksDbBudget(long blockCacheBytes, long writeBufferBytes) {
        blockCache = new LRUCache(blockCacheBytes + writeBufferBytes);
        writeBuffers = new WriteBufferManager(writeBufferBytes, blockCache);
    }

    Cache blockCache() {
        return blockCache;
    }

    WriteBufferManager writeBuffers() {
        return writeBuffers;
    }

    @Override
    public void close() {
        writeBuffers.close();
        blockCache.close();
    }
}
