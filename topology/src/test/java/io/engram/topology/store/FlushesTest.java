package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.topology.format.JournalPosition;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.AbstractEventListener;
import org.rocksdb.FlushOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteOptions;

class FlushesTest {
    @TempDir
    Path directory;

    private final Flushes flushes = new Flushes();
    private final Journal journal = new Journal(new StoreIdentity(new UUID(1, 2), 1), JournalPosition.START);

    @Test
    void shouldTellAStoreHowFarRocksDbHasWrittenIt() throws Exception {
        RocksDB.loadLibrary();
        Path task = directory.resolve("0_3");
        Path store = Files.createDirectories(task.resolve("rocksdb").resolve("memory"));
        Journal other = new Journal(new StoreIdentity(new UUID(3, 4), 1), JournalPosition.START);
        flushes.opened(task.resolve("rocksdb").resolve("sessions"), other);
        Flushes.Watched watched = flushes.opened(store, journal);
        try (AbstractEventListener listener = flushes.listener();
                Options options = new Options().setCreateIfMissing(true).setListeners(List.of(listener));
                WriteOptions noLog = new WriteOptions().setDisableWAL(true);
                FlushOptions wait = new FlushOptions().setWaitForFlush(true);
                RocksDB rocks = RocksDB.open(options, store.toString())) {
            assertThat(watched.sequence())
                    .as("nobody knows before the first flush")
                    .isNegative();
            write(rocks, noLog, watched);
            rocks.flush(wait);
            await().atMost(Duration.ofSeconds(10)).until(() -> watched.sequence() >= 0);

            write(rocks, noLog, watched);
            assertThat(watched.sequence()).isEqualTo(rocks.getLatestSequenceNumber());
            assertThat(journal.flushed()).isZero();
            rocks.flush(wait);
            await().atMost(Duration.ofSeconds(10))
                    .untilAsserted(() -> assertThat(journal.flushed()).isEqualTo(2));
            assertThat(other.flushed()).isZero();

            write(rocks, noLog, watched);
            assertThat(journal.committed()).isEqualTo(new JournalPosition(1, 3));
            assertThat(journal.flushed()).isEqualTo(2);
            flushes.closed(store, watched);
            rocks.flush(wait);
            assertThat(journal.flushed()).as("of a store that is closed").isEqualTo(2);
        }
    }

    private void write(RocksDB rocks, WriteOptions options, Flushes.Watched watched) throws Exception {
        long number = journal.add();
        rocks.put(options, journal.key(number).get(), new byte[] {1});
        journal.commit(watched.sequence());
    }
}
