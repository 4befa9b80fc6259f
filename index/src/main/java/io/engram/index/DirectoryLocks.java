package io.engram.index;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/**
 * Keeps a directory to one open index at a time. The file {@value #FILE} in it is locked while the index is open; the operating
 * system releases the lock when the process ends, however it ends. The file stays, for a lock on a file that is deleted
 * and made again would protect nothing.
 *
 * <p>An engine has one of these. It notes what the engine has open, because on POSIX systems a process loses its lock on a file
 * when it closes any channel to it: a second attempt must be refused before it opens one. A second engine in the same process is
 * refused too, but its attempt costs the first one its protection against other processes. Thread-safe.
 */
public final class DirectoryLocks {
    /** The name of the file that is locked. */
    public static final String FILE = "lock";

    private final Map<Path, Held> open = new HashMap<>();

    /**
     * Locks a directory; makes it when there is none.
     *
     * @throws IndexInUseException when an index in it is open, in this process or in another
     * @throws IOException when it cannot be made, or its file system has no locks
     */
    public synchronized Held lock(Path directory) throws IOException {
        Files.createDirectories(directory);
        Path real = directory.toRealPath();
        if (open.containsKey(real)) {
            throw new IndexInUseException(directory, "in this process. Close it first");
        }
        FileChannel channel = FileChannel.open(real.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            Held held = new Held(directory, real, tryLock(directory, channel));
            open.put(real, held);
            return held;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static FileLock tryLock(Path directory, FileChannel channel) throws IOException {
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            throw new IndexInUseException(directory, "by another engine of this process. Close it first");
        }
        if (lock == null) {
            throw new IndexInUseException(directory, "in another process. Stop that one, or use another directory");
        }
        return lock;
    }

    private synchronized void release(Held held) throws IOException {
        if (open.remove(held.real, held)) {
            held.lock.channel().close();
        }
    }

    /** The lock on a directory, held until it is closed. Thread-safe. */
    public final class Held implements AutoCloseable {
        private final Path directory;
        private final Path real;
        private final FileLock lock;

        private Held(Path directory, Path real, FileLock lock) {
            this.directory = directory;
            this.real = real;
            this.lock = lock;
        }

        public Path directory() {
            return directory;
        }

        /** Lets others open the directory; does nothing the second time. */
        @Override
        public void close() {
            try {
                release(this);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
