package io.engram.app.state;

import io.engram.app.config.EngramConfig;
import io.engram.app.lifecycle.StartupException;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.topology.EngramTopology;
import io.engram.topology.snapshot.SnapshotException;
import io.engram.topology.snapshot.SnapshotFile;
import io.engram.topology.store.MemoryKey;
import io.engram.topology.store.StoredMemory;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Bytes;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * The state directory of a stopped instance: compares RocksDB with its changelog and with the snapshots of the index.
 * After an unclean stop RocksDB may well differ from the changelog; the next start then restores it.
 */
public final class StoppedState implements AutoCloseable {
    private static final String TASKS = "glob:[0-9]*_[0-9]*";
    /** Not memories: the bound of generations is given out ahead. */
    private static final Set<Byte> MOVING = Set.of((byte) 'g');

    private static final long BROKER_SECONDS = 15;

    private final EngramConfig config;
    private final IndexEngine engine;
    private final FileChannel lockFile;
    private final FileLock lock;

    /**
     * Takes the lock that a running instance would have.
     *
     * @throws StartupException when an instance is running, or the brokers are those of another cluster
     */
    public StoppedState(EngramConfig config, IndexEngine engine) throws IOException {
        this.config = config;
        this.engine = engine;
        requireSameCluster(config);
        RocksDB.loadLibrary();
        Files.createDirectories(streamsDir());
        lockFile = FileChannel.open(streamsDir().resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        Optional<FileLock> taken = tryLock();
        if (taken.isEmpty()) {
            lockFile.close();
            throw new StartupException("an instance is using state.dir " + config.stateDir()
                    + "; stop it, or leave --stopped out and give its --url");
        }
        lock = taken.get();
    }

    private Optional<FileLock> tryLock() throws IOException {
        try {
            return Optional.ofNullable(lockFile.tryLock());
        } catch (OverlappingFileLockException e) {
            return Optional.empty(); // an instance in this process
        }
    }

    private static void requireSameCluster(EngramConfig config) {
        try (Admin admin = Admin.create(config.kafka())) {
            new StateGuard(
                            config.stateDir(),
                            config.applicationId(),
                            config.snapshotDir(),
                            System::currentTimeMillis,
                            () -> {})
                    .requireSameCluster(admin.describeCluster().clusterId().get(BROKER_SECONDS, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StartupException("interrupted");
        } catch (ExecutionException | TimeoutException e) {
            throw new StartupException(
                    "Kafka at " + config.bootstrapServers() + " does not answer; its changelog is needed to compare",
                    e);
        }
    }

    private Path streamsDir() {
        return config.stateDir().resolve(config.applicationId());
    }

    /**
     * Compares every task.
     *
     * @param rebuild true to remove what is damaged or differs, so that the next start builds it anew
     * @param progress is told records of changelogs read and how many there are
     */
    public List<StoppedReport> verify(boolean rebuild, BiConsumer<Long, Long> progress) throws IOException {
        List<StoppedReport> reports = new ArrayList<>();
        for (Path task : tasks()) {
            reports.add(verify(task, rebuild, progress));
        }
        return reports;
    }

    private List<Path> tasks() throws IOException {
        Set<String> names = new HashSet<>();
        for (Path parent : List.of(streamsDir(), config.snapshotDir())) {
            if (Files.isDirectory(parent)) {
                try (Stream<Path> paths = Files.list(parent)) {
                    paths.map(path -> path.getFileName())
                            .filter(parent.getFileSystem().getPathMatcher(TASKS)::matches)
                            .forEach(name -> names.add(name.toString()));
                }
            }
        }
        return names.stream().sorted().map(streamsDir()::resolve).toList();
    }

    private StoppedReport verify(Path task, boolean rebuild, BiConsumer<Long, Long> progress) throws IOException {
        String name = task.getFileName().toString();
        Map<Bytes, Integer> checksums = new HashMap<>();
        Map<MemoryKey, StoredMemory> memories = new HashMap<>();
        List<String> unusable = new ArrayList<>();
        List<String> removed = new ArrayList<>();
        Path rocks = task.resolve("rocksdb").resolve(EngramTopology.STORE);
        boolean hasStore = Files.isDirectory(rocks);
        if (hasStore) {
            read(rocks, checksums, memories);
        }
        long[] snapshots = compareSnapshots(name, memories, unusable, rebuild, removed);
        long[] changelog = hasStore ? compareChangelog(name, checksums, progress) : new long[2];
        if (rebuild && changelog[0] + changelog[1] > 0) {
            Path aside = config.stateDir().resolve("replaced-" + name + "-" + System.currentTimeMillis());
            Files.move(task, aside);
            removed.add(task + " (moved to " + aside + ")");
        }
        return new StoppedReport(
                name,
                memories.size(),
                snapshots[0],
                memories.size() - snapshots[0],
                snapshots[1],
                unusable,
                changelog[0],
                changelog[1],
                removed);
    }

    private static void read(Path rocks, Map<Bytes, Integer> checksums, Map<MemoryKey, StoredMemory> memories)
            throws IOException {
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        try (Options listing = new Options();
                DBOptions options = new DBOptions()) {
            List<ColumnFamilyDescriptor> families = new ArrayList<>();
            for (byte[] family : RocksDB.listColumnFamilies(listing, rocks.toString())) {
                families.add(new ColumnFamilyDescriptor(family));
            }
            try (RocksDB db = RocksDB.openReadOnly(options, rocks.toString(), families, handles);
                    RocksIterator entries = db.newIterator(handles.get(0))) {
                for (entries.seekToFirst(); entries.isValid(); entries.next()) {
                    byte[] value = entries.value();
                    checksums.put(Bytes.wrap(entries.key()), ChangelogImage.checksum(value));
                    Optional<MemoryKey> key = MemoryKey.ofStoreKey(entries.key());
                    if (key.isPresent() && !StoredMemory.of(value).isTombstone()) {
                        memories.put(key.get(), StoredMemory.of(value));
                    }
                }
                entries.status();
                handles.forEach(ColumnFamilyHandle::close);
            }
        } catch (RocksDBException e) {
            throw new IOException(
                    "cannot read RocksDB in " + rocks + ": " + e.getMessage()
                            + "; delete that task's directory, the next start restores it from the changelog",
                    e);
        }
    }

    /** Confirmed memories, and memories to drop. */
    private long[] compareSnapshots(
            String task,
            Map<MemoryKey, StoredMemory> memories,
            List<String> unusable,
            boolean rebuild,
            List<String> removed)
            throws IOException {
        long confirmed = 0;
        long toDrop = 0;
        Path directory = config.snapshotDir().resolve(task);
        if (!Files.isDirectory(directory)) {
            return new long[2];
        }
        List<Path> files;
        try (Stream<Path> paths = Files.list(directory)) {
            files = paths.filter(path -> path.toString().endsWith(SnapshotFile.SUFFIX))
                    .sorted()
                    .toList();
        }
        for (Path file : files) {
            try {
                SnapshotFile.Loaded loaded = new SnapshotFile(file).load(engine, space -> VectorSource.NONE);
                try (VectorIndex index = loaded.index()) {
                    for (String id : index.ids()) {
                        StoredMemory memory = memories.get(new MemoryKey(loaded.space(), id));
                        boolean holds = memory != null
                                && memory.dimension() == index.dimension()
                                && index.holds(id, memory.generation(), memory.embedding());
                        confirmed += holds ? 1 : 0;
                        toDrop += holds ? 0 : 1;
                    }
                }
            } catch (SnapshotException e) {
                unusable.add(e.getMessage());
                if (rebuild) {
                    Files.delete(file);
                    removed.add(file.toString());
                }
            }
        }
        return new long[] {confirmed, toDrop};
    }

    /** Keys of the store that the changelog has not so, and keys of the changelog that the store has not. */
    private long[] compareChangelog(String task, Map<Bytes, Integer> stored, BiConsumer<Long, Long> progress) {
        int partition = Integer.parseInt(task.substring(task.indexOf('_') + 1));
        TopicPartition changelog =
                new TopicPartition(config.applicationId() + "-" + EngramTopology.STORE + "-changelog", partition);
        try (ChangelogImage image = new ChangelogImage(config.plainConsumer(), changelog)) {
            image.readToEnd(progress);
            if (image.checksums().isEmpty() && !stored.isEmpty()) {
                throw new StartupException("changelog " + changelog + " is empty, but the store holds " + stored.size()
                        + " entries: this looks like another cluster, and nothing was changed");
            }
            long notInStore = image.checksums().keySet().stream()
                    .filter(key -> !MOVING.contains(key.get()[0]) && !stored.containsKey(key))
                    .count();
            long notInChangelog = stored.entrySet().stream()
                    .filter(entry -> !MOVING.contains(entry.getKey().get()[0]))
                    .filter(entry -> !entry.getValue().equals(image.checksums().get(entry.getKey())))
                    .count();
            return new long[] {notInChangelog, notInStore};
        }
    }

    @Override
    public void close() throws IOException {
        lock.release();
        lockFile.close();
    }
}
