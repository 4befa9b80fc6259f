package io.engram.index.hnswlib;

import io.engram.index.DamagedIndexException;
import io.engram.index.DamagedSegment;
import io.engram.index.Directories;
import io.engram.index.DirectoryLocks;
import io.engram.index.HnswParameters;
import io.engram.index.VectorIndex;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The files of one {@link HnswlibIndex}.
 *
 * <pre>
 * hnswlib       the index as of its last commit, {@link HnswlibFile}; replaced as a whole
 * hnswlib.new   a commit that was interrupted; removed at open
 * lock          is locked while the index is open
 * </pre>
 *
 * Thread-safe.
 */
final class HnswlibDirectory implements AutoCloseable {
    static final String FILE = "hnswlib";
    private static final String NEW_FILE = "hnswlib.new";

    private final DirectoryLocks.Held lock;
    private final HnswParameters parameters;
    // None when nothing was committed yet, or when the next commit has to write in any case.
    private volatile Optional<Committed> committed = Optional.empty();
    private boolean closed; // guarded by this

    /**
     * @param changes of the index that the file holds, by the index's own count
     * @param entries that the file holds
     */
    private record Committed(long changes, byte[] userData, int entries) {}

    /** What an index saves, at one moment. */
    @FunctionalInterface
    interface Source {
        HnswlibSnapshot snapshot() throws IOException;
    }

    /** @param lock on the directory, which {@link #close} gives up */
    HnswlibDirectory(DirectoryLocks.Held lock, HnswParameters parameters) {
        this.lock = lock;
        this.parameters = parameters;
    }

    private Path file() {
        return lock.directory().resolve(FILE);
    }

    /**
     * What was committed last; none when there was no commit. Removes what an interrupted commit left.
     *
     * @throws DamagedIndexException when it is damaged, or of another version, dimension or parameters
     * @throws IOException when a file cannot be read
     */
    synchronized Optional<HnswlibFile.Content> read(int dimension) throws IOException {
        Optional<HnswlibFile.Content> found = Optional.empty();
        try {
            HnswlibFile.Content content = HnswlibFile.read(file(), dimension, parameters);
            committed = Optional.of(new Committed(
                    0, content.userData(), content.snapshot().entries().size()));
            found = Optional.of(content);
        } catch (NoSuchFileException e) {
            // Nothing was committed here.
        }
        Files.deleteIfExists(lock.directory().resolve(NEW_FILE));
        return found;
    }

    /**
     * The index that was read.
     *
     * @throws DamagedIndexException when its links are no graph, or one of another release of the library
     */
    HnswlibIndex restored(HnswlibSnapshot snapshot, Executor compactor) throws DamagedIndexException {
        try {
            return new HnswlibIndex(snapshot, parameters, compactor, this);
        } catch (IOException e) { // of bytes in the heap
            throw HnswlibFile.damaged(file(), "links", e.getMessage());
        }
    }

    /** As {@link VectorIndex#commit(Supplier)}. The count of changes rises after each change, and is 0 for an index as it was read. */
    synchronized void commit(Supplier<byte[]> userData, LongSupplier changes, Source source) throws IOException {
        if (closed) {
            throw new IllegalStateException("the index is closed");
        }
        long upTo = changes.getAsLong(); // the snapshot may hold more: then the next commit writes again
        if (committed.isPresent()
                && committed.get().changes == upTo
                && Arrays.equals(committed.get().userData, bounded(userData.get()))) {
            return;
        }
        HnswlibSnapshot snapshot = source.snapshot();
        byte[] data = bounded(userData.get());
        committed = Optional.empty(); // should it fail, the file on the disk is this one or the one before
        publish(new HnswlibFile.Content(snapshot, data));
        committed = Optional.of(new Committed(upTo, data, snapshot.entries().size()));
    }

    private static byte[] bounded(byte[] userData) {
        if (userData.length > VectorIndex.MAX_USER_DATA_BYTES) {
            throw new IllegalArgumentException(
                    "user data of " + userData.length + " bytes; a file takes " + VectorIndex.MAX_USER_DATA_BYTES);
        }
        return userData;
    }

    private void publish(HnswlibFile.Content content) throws IOException {
        Path fresh = lock.directory().resolve(NEW_FILE);
        try {
            HnswlibFile.write(fresh, parameters, content);
            Files.move(fresh, file(), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            discard(fresh, e);
            throw e;
        }
        Directories.force(lock.directory());
    }

    private static void discard(Path file, IOException cause) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** As {@link VectorIndex#verify}. */
    List<DamagedSegment> verify() {
        Optional<Committed> last = committed;
        if (last.isEmpty()) {
            return List.of();
        }
        try {
            HnswlibFile.verify(file());
            return List.of();
        } catch (DamagedIndexException e) {
            return List.of(new DamagedSegment(file(), last.get().entries, e));
        } catch (NoSuchFileException e) {
            DamagedIndexException missing = HnswlibFile.damaged(file(), "file", "is missing");
            return List.of(new DamagedSegment(file(), last.get().entries, missing));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The next commit writes the file, whether or not anything changed. */
    synchronized void rewrite() {
        committed = Optional.empty();
    }

    /** Waits for a commit that is running, refuses the next, and lets others open the directory. */
    @Override
    public synchronized void close() {
        closed = true;
        lock.close();
    }
}
