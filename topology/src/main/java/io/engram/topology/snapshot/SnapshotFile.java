package io.engram.topology.snapshot;

import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;

/**
 * The index of one space in a file.
 *
 * <pre>
 * big-endian
 * size   field
 * 8      magic "ENGRAMIX"
 * 4      version = 1
 * 2+n    engine   \ length, modified UTF-8
 * 2+n    space    /
 * 8      saved at, epoch ms
 * ...    what the engine wrote
 * 4      CRC-32C (Castagnoli) of everything before it
 * </pre>
 *
 * Written aside and renamed, so that a reader sees a whole file or none. It is not forced to the disk: what a power cut
 * leaves of it fails the check and is built anew, which costs less than waiting for the disk each time.
 */
public final class SnapshotFile {
    /** How the files are named. */
    public static final String SUFFIX = ".hnsw";

    /** What a file is called until it is whole. */
    static final String UNFINISHED = ".tmp";

    private static final byte[] MAGIC = "ENGRAMIX".getBytes(StandardCharsets.US_ASCII);
    private static final int VERSION = 1;
    private static final int BUFFER = 1 << 20;
    private static final int MIN_BYTES = MAGIC.length + 4 + 2 + 2 + 8 + 4;

    private final Path file;

    public SnapshotFile(Path file) {
        this.file = file;
    }

    /** The file of a space; the hash keeps apart what a file system that ignores case would not. */
    public static SnapshotFile of(Path directory, String space) {
        return new SnapshotFile(
                directory.resolve(space + "-" + String.format(Locale.ROOT, "%08x", space.hashCode()) + SUFFIX));
    }

    public Path path() {
        return file;
    }

    /** An index and the space that it belongs to. */
    public record Loaded(String space, VectorIndex index) {}

    /**
     * Writes the index.
     *
     * @return bytes written
     * @throws IOException when that fails; nothing half-written is left, which could be what fills the disk
     */
    public long save(String engine, String space, VectorIndex index, long nowMs) throws IOException {
        Files.createDirectories(file.getParent());
        Path unfinished = file.resolveSibling(file.getFileName() + UNFINISHED);
        try {
            write(unfinished, engine, space, index, nowMs);
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException | RuntimeException e) {
            deleteAfter(e, unfinished);
            throw e;
        }
        return Files.size(file);
    }

    private static void deleteAfter(Exception failure, Path unfinished) {
        try {
            Files.deleteIfExists(unfinished);
        } catch (IOException e) {
            failure.addSuppressed(e); // what went wrong first is what people should read
        }
    }

    private static void write(Path to, String engine, String space, VectorIndex index, long nowMs) throws IOException {
        try (OutputStream raw = new BufferedOutputStream(Files.newOutputStream(to), BUFFER)) {
            CheckedOutputStream checked = new CheckedOutputStream(raw, new CRC32C());
            DataOutputStream out = new DataOutputStream(checked);
            out.write(MAGIC);
            out.writeInt(VERSION);
            out.writeUTF(engine);
            out.writeUTF(space);
            out.writeLong(nowMs);
            index.save(out);
            out.writeInt((int) checked.getChecksum().getValue());
            out.flush();
        }
    }

    /**
     * Reads the index, after the check that the file is whole.
     *
     * @param sources the stored vectors of a space
     * @throws SnapshotException when it is not, or belongs to another engine or format
     */
    public Loaded load(IndexEngine engine, Function<String, VectorSource> sources) throws SnapshotException {
        try {
            long bytes = Files.size(file);
            if (bytes < MIN_BYTES) {
                throw new SnapshotException(file, "only " + bytes + " bytes: cut short");
            }
            // First all of it: an engine should not have to survive garbage.
            verify(bytes);
            try (DataInputStream in =
                    new DataInputStream(new BufferedInputStream(Files.newInputStream(file), BUFFER))) {
                return read(in, engine, sources);
            }
        } catch (SnapshotException e) {
            throw e;
        } catch (EOFException e) {
            throw new SnapshotException(file, "ends too early", e);
        } catch (IOException | RuntimeException e) {
            throw new SnapshotException(file, "cannot be read: " + e.getMessage(), e);
        }
    }

    private Loaded read(DataInputStream in, IndexEngine engine, Function<String, VectorSource> sources)
            throws IOException {
        in.skipNBytes(MAGIC.length);
        int version = in.readInt();
        if (version != VERSION) {
            throw new SnapshotException(file, "version " + version + ", expected " + VERSION);
        }
        String savedBy = in.readUTF();
        if (!savedBy.equals(engine.name())) {
            throw new SnapshotException(file, "saved by engine " + savedBy + ", configured is " + engine.name());
        }
        String space = in.readUTF();
        in.readLong();
        return new Loaded(space, engine.load(in, sources.apply(space)));
    }

    private void verify(long bytes) throws IOException {
        CheckedInputStream checked = new CheckedInputStream(Files.newInputStream(file), new CRC32C());
        try (InputStream in = checked) {
            byte[] magic = in.readNBytes(MAGIC.length);
            if (!Arrays.equals(magic, MAGIC)) {
                throw new SnapshotException(file, "is no index snapshot: wrong magic bytes");
            }
            byte[] buffer = new byte[BUFFER];
            long left = bytes - MAGIC.length - Integer.BYTES;
            while (left > 0) {
                int read = in.read(buffer, 0, (int) Math.min(buffer.length, left));
                if (read < 0) {
                    throw new EOFException();
                }
                left -= read;
            }
            int expected = (int) checked.getChecksum().getValue();
            int found = new DataInputStream(in).readInt();
            if (found != expected) {
                throw new SnapshotException(
                        file,
                        String.format(Locale.ROOT, "is damaged: CRC-32C is %08x, should be %08x", expected, found));
            }
        }
    }
}
