package io.engram.app.lifecycle;

import io.engram.app.errors.StartupException;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBufferManager;

/** The native memory that all RocksDB stores of a process share. Close it after the streams. Thread-safe. */
final class RocksDbBudget implements AutoCloseable {
    private final Cache blockCache;
    private final WriteBufferManager writeBuffers;

    /**
     * @param blockCacheBytes for blocks read, and for write buffers
     * @param writeBufferBytes for writes not yet flushed
     * @throws StartupException when RocksDB's library cannot be loaded
     */
    RocksDbBudget(long blockCacheBytes, long writeBufferBytes) {
        load();
        blockCache = new LRUCache(blockCacheBytes + writeBufferBytes);
        writeBuffers = new WriteBufferManager(writeBufferBytes, blockCache);
    }

    /** The library is unpacked into the temporary directory, which may be missing, full, or mounted without execution. */
    private static void load() {
        try {
            RocksDB.loadLibrary();
        } catch (RuntimeException | LinkageError e) {
            throw new StartupException(
                    "cannot load RocksDB's library: " + e.getMessage()
                            + ". It is unpacked into the temporary directory "
                            + System.getProperty("java.io.tmpdir")
                            + ", which must be writable and allow execution (no noexec mount); set another with"
                            + " ENGRAM_JAVA_OPTS=-Djava.io.tmpdir=<directory>",
                    e);
        }
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
