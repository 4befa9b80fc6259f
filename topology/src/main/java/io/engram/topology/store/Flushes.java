package io.engram.topology.store;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.rocksdb.AbstractEventListener;
import org.rocksdb.FlushJobInfo;
import org.rocksdb.RocksDB;

/**
 * Tells the open stores of this process how far RocksDB has written to its files what they committed. A listener of each
 * RocksDB, which the configuration of Kafka Streams puts in, since Streams does not tell. Thread-safe.
 */
public final class Flushes {
    private final Map<Path, Watched> open = new ConcurrentHashMap<>();

    /** A store that is open. */
    static final class Watched {
        private final Journal journal;
        private volatile LongSupplier latest = () -> -1;

        private Watched(Journal journal) {
            this.journal = journal;
        }

        /** The last sequence number that was written; -1 before the first flush. Only while the store is open. */
        long sequence() {
            return latest.getAsLong();
        }
    }

    /**
     * Until {@link #closed}.
     *
     * @param directory of the store's RocksDB, and of nothing else
     */
    Watched opened(Path directory, Journal journal) {
        Watched watched = new Watched(journal);
        open.put(directory.toAbsolutePath(), watched);
        return watched;
    }

    void closed(Path directory, Watched watched) {
        open.remove(directory.toAbsolutePath(), watched);
    }

    /**
     * What is to be put into the options of each RocksDB; closed by the caller together with them.
     */
    public AbstractEventListener listener() {
        return new Listener();
    }

    private final class Listener extends AbstractEventListener {
        Listener() {
            super(EnabledEventCallback.ON_FLUSH_COMPLETED);
        }

        @Override
        public void onFlushCompleted(RocksDB db, FlushJobInfo flush) {
            // The offsets of the changelog are in a column family of their own, flushed at the same time.
            if (flush.getColumnFamilyName().equals("default")) {
                completed(Path.of(flush.getFilePath()), flush.getLargestSeqno(), db::getLatestSequenceNumber);
            }
        }
    }

    /**
     * A file holds all of a store up to a sequence number.
     *
     * @param file a file of the directory of the store's RocksDB
     * @param latest gives the last sequence number that was written
     */
    void completed(Path file, long largestSequence, LongSupplier latest) {
        Watched watched = open.get(file.toAbsolutePath().getParent());
        if (watched != null) {
            watched.journal.flushed(largestSequence);
            watched.latest = latest;
        }
    }
}
