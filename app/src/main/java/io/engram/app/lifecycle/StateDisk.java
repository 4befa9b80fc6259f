package io.engram.app.lifecycle;

import io.engram.app.errors.StartupException;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * The disk under {@code state.dir}: how much of it is free, and whether anything can be written there. Thread-safe.
 */
final class StateDisk {
    /** Written to see whether there is room: a file of no bytes is made on a full disk too. */
    private static final byte[] PROBE = new byte[4 << 10];

    /** What to do where nothing can be written; it loses nothing. */
    static final String ADVICE =
            "Enlarge the disk, make room outside of state.dir, or mount it anew where it is read-only;"
                    + " delete nothing below it";

    private static final String PROBE_PREFIX = ".engram-write-test";
    private static final long ENOUGH_BYTES = 64L << 20;
    private static final int ENOUGH_SHARE = 20;

    private final Path directory;
    private volatile Optional<Room> measured = Optional.empty();

    /**
     * How much there is.
     *
     * @param freeBytes that this process may still write
     * @param sizeBytes of the whole file system
     */
    record Room(long freeBytes, long sizeBytes) {
        /** True when stores can be opened and go on for a while: 64 MiB, or a twentieth of a smaller disk. */
        boolean isEnough() {
            return freeBytes >= enoughBytes();
        }

        long enoughBytes() {
            return Math.min(ENOUGH_BYTES, sizeBytes / ENOUGH_SHARE);
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%,d of %,d bytes are free", freeBytes, sizeBytes);
        }
    }

    StateDisk(Path directory) {
        this.directory = directory;
    }

    /** As measured last; empty before that, or when it could not be. */
    Optional<Room> room() {
        return measured;
    }

    /** Asks the file system, which may take long where that is a network's. */
    Optional<Room> measure() {
        try {
            FileStore store = Files.getFileStore(directory);
            measured = Optional.of(new Room(store.getUsableSpace(), store.getTotalSpace()));
        } catch (IOException e) {
            measured = Optional.empty();
        }
        return measured;
    }

    /**
     * Makes the directory and writes a small file, which is deleted again.
     *
     * @throws IOException when that fails: no room, no inodes, a quota, read-only, no permission
     */
    void tryToWrite() throws IOException {
        Files.createDirectories(directory);
        Path probe = Files.createTempFile(directory, PROBE_PREFIX, "");
        try {
            Files.write(probe, PROBE);
        } finally {
            Files.delete(probe);
        }
    }

    /**
     * As {@link #tryToWrite}.
     *
     * @throws StartupException when that fails; it says what to do
     */
    void requireWritable() {
        try {
            tryToWrite();
        } catch (IOException e) {
            String what = DiskFailure.of(e).isPresent() ? ". " + ADVICE + ". Or set" : "; set";
            throw new StartupException(
                    "state.dir " + directory + " is not writable: " + e
                            + measure().map(room -> " (" + room + ")").orElse("") + what
                            + " state.dir to a directory that is writable",
                    e);
        }
    }

    /** Why stores cannot be kept there now, in words; empty when they can. */
    Optional<String> trouble() {
        String free = measure().map(room -> " (" + room + ")").orElse("");
        try {
            tryToWrite();
        } catch (IOException e) {
            return Optional.of("state.dir " + directory + " cannot be written: " + e.getMessage() + free);
        }
        return room().isEmpty() || room().get().isEnough()
                ? Optional.empty()
                : Optional.of("state.dir " + directory + " is full" + free);
    }

    /** What people should know before it is full; nothing is written for it. */
    Optional<String> warning() {
        return room().filter(room -> !room.isEnough())
                .map(room -> "state.dir " + directory + " is almost full: " + room);
    }
}
