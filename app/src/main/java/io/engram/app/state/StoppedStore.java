package io.engram.app.state;

import io.engram.topology.format.StoreKeys;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * The RocksDB of one store of a task of a stopped instance, opened for reading; nothing in it changes. Kafka Streams keeps, beside the
 * entries, a column family {@code offsets}: partition of the changelog → offset of its last record that is in the store.
 */
final class StoppedStore implements AutoCloseable {
    private static final byte[] OFFSETS = "offsets".getBytes(StandardCharsets.UTF_8);

    /** Otherwise RocksDB would read something of every file before it is asked anything. */
    private static final int MAX_OPEN_FILES = 256;

    private final Path directory;
    private final DBOptions options;
    private final List<ColumnFamilyHandle> handles = new ArrayList<>();
    private final Optional<ColumnFamilyHandle> offsets;
    private final RocksDB db;

    /**
     * @throws IOException when RocksDB cannot read it
     */
    StoppedStore(Path directory) throws IOException {
        this.directory = directory;
        RocksDB.loadLibrary();
        options = new DBOptions().setMaxOpenFiles(MAX_OPEN_FILES);
        try (Options listing = new Options()) {
            List<ColumnFamilyDescriptor> families = new ArrayList<>();
            for (byte[] family : RocksDB.listColumnFamilies(listing, directory.toString())) {
                families.add(new ColumnFamilyDescriptor(family));
            }
            if (families.isEmpty()) {
                options.close();
                throw new IOException(
                        "cannot read RocksDB in " + directory + ": its file CURRENT is missing or broken");
            }
            db = RocksDB.openReadOnly(options, directory.toString(), families, handles);
            offsets = handles.stream().filter(StoppedStore::isOffsets).findFirst();
        } catch (RocksDBException e) {
            options.close();
            throw unreadable(e);
        }
    }

    /** Where the directory of a task has a store. */
    static Path of(Path task, String store) {
        return task.resolve("rocksdb").resolve(store);
    }

    /**
     * Whether there is one. A process that was killed while RocksDB made its first files leaves a directory without any
     * data; Kafka Streams goes on from there.
     */
    static boolean isThere(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return false;
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString())
                    .anyMatch(name -> name.equals("CURRENT") || name.endsWith(".sst"));
        }
    }

    /** The partition of a task, which its directory is named after. */
    static int partition(Path task) {
        String name = task.getFileName().toString();
        return Integer.parseInt(name.substring(name.indexOf('_') + 1));
    }

    private static boolean isOffsets(ColumnFamilyHandle handle) {
        try {
            return Arrays.equals(handle.getName(), OFFSETS);
        } catch (RocksDBException e) {
            return false;
        }
    }

    private IOException unreadable(RocksDBException e) {
        return new IOException("cannot read RocksDB in " + directory + ": " + e.getMessage(), e);
    }

    /** Every key and value that the changelog has, too, in the order of the keys. */
    void forEach(BiConsumer<byte[], byte[]> consumer) throws IOException {
        try (RocksIterator entries = db.newIterator(handles.get(0))) {
            for (entries.seekToFirst(); entries.isValid(); entries.next()) {
                byte[] key = entries.key();
                if (!StoreKeys.isLocal(key)) {
                    consumer.accept(key, entries.value());
                }
            }
            entries.status();
        } catch (RocksDBException e) {
            throw unreadable(e);
        }
    }

    Optional<byte[]> get(byte[] key) throws IOException {
        try {
            return Optional.ofNullable(db.get(handles.get(0), key));
        } catch (RocksDBException e) {
            throw unreadable(e);
        }
    }

    /** The offset of the last record of the changelog that is certainly in the store; empty when none is known. */
    Optional<Long> committedOffset(TopicPartition changelog) throws IOException {
        if (offsets.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.ofNullable(
                            db.get(offsets.get(), changelog.toString().getBytes(StandardCharsets.UTF_8)))
                    .map(bytes -> ByteBuffer.wrap(bytes).getLong());
        } catch (RocksDBException e) {
            throw unreadable(e);
        }
    }

    @Override
    public void close() {
        handles.forEach(ColumnFamilyHandle::close);
        db.close();
        options.close();
    }
}
