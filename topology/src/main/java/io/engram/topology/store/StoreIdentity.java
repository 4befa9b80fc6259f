package io.engram.topology.store;

import io.engram.index.Directories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which store this is, and how often it was opened: a small file beside the indexes that follow it, forced to the disk at each
 * opening. The store has the identity too, so that neither is taken for the other's when one of them was deleted, restored or
 * copied.
 *
 * <pre>
 * big-endian
 * offset size  field
 * 0      8     magic "ENGRAMID"
 * 8      4     version = 1
 * 12     16    identity
 * 28     8     epoch of the last opening
 * 36     4     CRC-32C (Castagnoli) of everything before it
 * </pre>
 *
 * @param identity random
 * @param epoch 1 for the first opening; never used again with this identity
 */
record StoreIdentity(UUID identity, long epoch) {
    private static final Logger LOG = LoggerFactory.getLogger(StoreIdentity.class);
    private static final long MAGIC = 0x454e4752414d4944L;
    private static final int VERSION = 1;
    private static final int SIZE = 40;

    /**
     * The identity of a store that is being opened.
     *
     * @param file is written anew; when it cannot be, the identity is one that nobody will know again, and every index is
     *     compared with its store at the next opening
     * @param inStore what the store holds under its key
     */
    static StoreIdentity open(Path file, Optional<byte[]> inStore) {
        Optional<StoreIdentity> before = read(file);
        StoreIdentity now = before.filter(known -> inStore.filter(bytes -> Arrays.equals(bytes, known.key()))
                        .isPresent())
                .map(known -> new StoreIdentity(known.identity, known.epoch + 1))
                .orElseGet(() -> new StoreIdentity(UUID.randomUUID(), 1));
        try {
            now.write(file);
            return now;
        } catch (IOException e) {
            LOG.warn(
                    "{} cannot be written, so the indexes beside it will be compared with the whole store at the next start: {}",
                    file,
                    e.toString());
            return new StoreIdentity(UUID.randomUUID(), 1);
        }
    }

    /** What the store holds. */
    byte[] key() {
        return ByteBuffer.allocate(16)
                .putLong(identity.getMostSignificantBits())
                .putLong(identity.getLeastSignificantBits())
                .array();
    }

    private static Optional<StoreIdentity> read(Path file) {
        try {
            ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file));
            if (in.remaining() == SIZE && in.getLong() == MAGIC && in.getInt() == VERSION) {
                StoreIdentity found = new StoreIdentity(new UUID(in.getLong(), in.getLong()), in.getLong());
                if (in.getInt() == checksum(in.array())) {
                    return Optional.of(found);
                }
            }
            LOG.warn(
                    "{} is damaged, or of another version than {}: the indexes beside it are compared with the store",
                    file,
                    VERSION);
        } catch (NoSuchFileException e) {
            LOG.debug("{} is not there yet", file, e);
        } catch (IOException e) {
            LOG.warn("{} cannot be read: the indexes beside it are compared with the store: {}", file, e.toString());
        }
        return Optional.empty();
    }

    private void write(Path file) throws IOException {
        ByteBuffer out = ByteBuffer.allocate(SIZE)
                .putLong(MAGIC)
                .putInt(VERSION)
                .put(key())
                .putLong(epoch);
        out.putInt(checksum(out.array())).flip();
        Files.createDirectories(file.getParent());
        Path unfinished = file.resolveSibling(file.getFileName() + ".tmp");
        try (FileChannel channel = FileChannel.open(
                unfinished,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
            while (out.hasRemaining()) {
                channel.write(out);
            }
            channel.force(true);
        }
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Directories.force(file.getParent());
    }

    private static int checksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, SIZE - 4);
        return (int) crc.getValue();
    }
}
