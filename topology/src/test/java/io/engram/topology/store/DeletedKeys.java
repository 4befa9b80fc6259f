package io.engram.topology.store;

import java.nio.file.Path;
import org.rocksdb.PerfContext;
import org.rocksdb.PerfLevel;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/**
 * Counts the deleted keys that RocksDB passes over on the thread that made it: what {@link CountingStore} cannot see, and may
 * be most of what a read costs.
 */
public final class DeletedKeys implements AutoCloseable {
    // Counts are of the thread, whichever database; any will do to ask for them.
    private final RocksDB anyDatabase;
    private final PerfContext counts;

    public DeletedKeys(Path emptyDirectory) throws RocksDBException {
        RocksDB.loadLibrary();
        anyDatabase = RocksDB.open(emptyDirectory.toString());
        anyDatabase.setPerfLevel(PerfLevel.ENABLE_COUNT);
        counts = anyDatabase.getPerfContext();
    }

    /** Deleted keys passed over since the last call. */
    public long take() {
        long passed = counts.getInternalDeleteSkippedCount();
        counts.reset();
        return passed;
    }

    @Override
    public void close() throws RocksDBException {
        anyDatabase.setPerfLevel(PerfLevel.DISABLE);
        anyDatabase.close();
    }
}
