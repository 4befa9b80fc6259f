package io.engram.topology.snapshot;

import io.engram.index.IndexEngine;
import io.engram.topology.indexing.PartitionIndex;
import io.engram.topology.indexing.SpaceIndex;
import io.engram.topology.metrics.SnapshotMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The snapshots of one task: a directory with a file for each space.
 *
 * <pre>
 * hnsw/0_3/notes-0643ac7b.hnsw
 *         /agents-abf72a1e.hnsw
 * </pre>
 *
 * Only what changed since the last time is written. Thread-safe: one at a time saves or loads.
 */
public final class TaskSnapshots {
    private static final Logger LOG = LoggerFactory.getLogger(TaskSnapshots.class);

    private final Path directory;
    private final IndexEngine engine;
    private final SnapshotMetrics metrics;
    // As of the last time files were written, read or deleted: a scrape does not ask the disk.
    private volatile long bytes;

    TaskSnapshots(Path directory, IndexEngine engine, SnapshotMetrics metrics) {
        this.directory = directory;
        this.engine = engine;
        this.metrics = metrics;
    }

    /**
     * What a pass over a partition wrote.
     *
     * @param spaces files written
     * @param memories in them
     * @param bytes in them
     */
    public record Saved(int spaces, long memories, long bytes) {
        /** Nothing. */
        public static final Saved NOTHING = new Saved(0, 0, 0);

        public Saved plus(Saved that) {
            return new Saved(spaces + that.spaces, memories + that.memories, bytes + that.bytes);
        }
    }

    /**
     * Removes the files of spaces that are gone, which makes room, and saves the spaces that changed.
     *
     * @throws SnapshotException when a file cannot be written
     */
    synchronized Saved save(PartitionIndex partition, long nowMs) throws SnapshotException {
        try {
            return saveChanged(partition, nowMs);
        } finally {
            measure();
        }
    }

    private Saved saveChanged(PartitionIndex partition, long nowMs) throws SnapshotException {
        // Whether there is anything to save or not: where nothing can be, people should know before there is.
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new SnapshotException(directory, "cannot be written: " + e, e);
        }
        Map<SpaceIndex, SnapshotFile> current = new LinkedHashMap<>();
        Set<Path> paths = new HashSet<>();
        for (SpaceIndex space : partition.spaces()) {
            SnapshotFile file = SnapshotFile.of(directory, space.space());
            current.put(space, file);
            paths.add(file.path());
        }
        for (Path file : files(SnapshotFile.SUFFIX)) {
            if (!paths.contains(file)) {
                delete(file);
            }
        }
        Saved saved = Saved.NOTHING;
        for (Map.Entry<SpaceIndex, SnapshotFile> entry : current.entrySet()) {
            SpaceIndex space = entry.getKey();
            long changes = space.changes();
            if (changes != space.savedChanges() && space.vectors().isPresent()) {
                long bytes = save(entry.getValue(), space, nowMs);
                space.saved(changes);
                saved = saved.plus(new Saved(1, space.vectors().get().size(), bytes));
            }
        }
        return saved;
    }

    private long save(SnapshotFile file, SpaceIndex space, long nowMs) throws SnapshotException {
        try {
            return file.save(engine.name(), space.space(), space.vectors().get(), nowMs);
        } catch (IOException e) {
            throw new SnapshotException(file.path(), "cannot be written: " + e, e);
        }
    }

    /**
     * Hands every usable snapshot over to the partition; the others are deleted, with a warning.
     *
     * @return false when the partition was closed before it had all
     */
    synchronized boolean restore(PartitionIndex partition) {
        try {
            return restoreAll(partition);
        } finally {
            measure();
        }
    }

    private boolean restoreAll(PartitionIndex partition) {
        files(SnapshotFile.UNFINISHED).forEach(TaskSnapshots::delete);
        for (Path path : files(SnapshotFile.SUFFIX)) {
            if (partition.isClosed()) {
                return false;
            }
            try {
                SnapshotFile.Loaded loaded = new SnapshotFile(path).load(engine, partition::source);
                partition.adopt(loaded.space(), loaded.index());
            } catch (SnapshotException e) {
                metrics.loadFailed();
                LOG.warn(
                        "Dropping an unusable index snapshot; its index is built anew from the store: {}",
                        e.getMessage());
                delete(path);
            }
        }
        return !partition.isClosed();
    }

    private static void delete(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            LOG.warn("Cannot delete {}: {}", path, e.toString());
        }
    }

    private List<Path> files(String suffix) {
        try (Stream<Path> paths = Files.list(directory)) {
            return paths.filter(path -> path.toString().endsWith(suffix))
                    .sorted()
                    .toList();
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            LOG.warn("Cannot list the index snapshots in {}: {}", directory, e.toString());
            return List.of();
        }
    }

    /** Bytes of all its files, as of the last save or restore. */
    long bytes() {
        return bytes;
    }

    private void measure() {
        long sum = 0;
        for (Path file : files(SnapshotFile.SUFFIX)) {
            try {
                sum += Files.size(file);
            } catch (IOException e) {
                LOG.debug("{} has just gone", file, e);
            }
        }
        bytes = sum;
    }
}
