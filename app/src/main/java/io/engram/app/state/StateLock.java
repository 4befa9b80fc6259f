package io.engram.app.state;

import io.engram.app.errors.StartupException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/** The lock on a state directory that a running instance would have. */
final class StateLock implements AutoCloseable {
    private final FileChannel file;
    private final FileLock lock;

    /**
     * Takes it.
     *
     * @param otherwise what to do when an instance is running, for the message
     * @throws StartupException when an instance has it
     */
    StateLock(Path stateDir, String applicationId, String otherwise) throws IOException {
        Path directory = stateDir.resolve(applicationId);
        Files.createDirectories(directory);
        file = FileChannel.open(directory.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        Optional<FileLock> taken = tryLock();
        if (taken.isEmpty()) {
            file.close();
            throw new StartupException("an instance is using state.dir " + stateDir + "; " + otherwise);
        }
        lock = taken.get();
    }

    private Optional<FileLock> tryLock() throws IOException {
        try {
            return Optional.ofNullable(file.tryLock());
        } catch (OverlappingFileLockException e) {
            return Optional.empty(); // an instance in this process
        }
    }

    @Override
    public void close() throws IOException {
        lock.release();
        file.close();
    }
}
