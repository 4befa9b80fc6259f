package io.engram.index.hnswlib;

import io.engram.index.DamagedIndexException;
import io.engram.index.HnswParameters;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UTFDataFormatException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import java.util.zip.CheckedOutputStream;

/**
 * The file of an {@link HnswlibIndex}. Big-endian, but for the vectors; sections follow each other without gaps.
 *
 * <pre>
 * header, {@value #HEADER_BYTES} bytes
 *   8 magic │ 4 version = {@value #VERSION} │ 4 dimension d │ 4 M │ 4 efConstruction │ 4 entries n
 *   4 nodes: the graph's are the first so many entries, in its order; -1 = no graph yet
 *   per section: 8 length │ 4 CRC-32C
 *   4 CRC-32C of the header before
 *
 * sections
 *   user data
 *   entries   n × 1 live? │ 2+… id (modified UTF-8) │ 8 generation │ 8 version │ 4×d unit vector, float32 little-endian
 *   links     of the graph, as the library writes them; nothing without a graph
 * </pre>
 *
 * Stateless.
 */
final class HnswlibFile {
    static final int VERSION = 1;
    static final int HEADER_BYTES = 72;

    static final int USER_DATA = 0;
    static final int ENTRIES = 1;
    static final int LINKS = 2;

    private static final List<String> NAMES = List.of("user data", "entries", "links");

    /** "ENGRAMHW" */
    private static final long MAGIC = 0x454e4752414d4857L;

    private static final int BUFFER_BYTES = 256 << 10;

    private HnswlibFile() {}

    /** A section's length in bytes and the checksum of them. */
    private record Section(long length, int crc) {}

    private record Header(int dimension, int m, int efConstruction, int entries, int nodes, List<Section> sections) {
        ByteBuffer encode() {
            ByteBuffer bytes = ByteBuffer.allocate(HEADER_BYTES);
            bytes.putLong(MAGIC)
                    .putInt(VERSION)
                    .putInt(dimension)
                    .putInt(m)
                    .putInt(efConstruction)
                    .putInt(entries)
                    .putInt(nodes);
            for (Section section : sections) {
                bytes.putLong(section.length).putInt(section.crc);
            }
            bytes.putInt(crc(bytes));
            return bytes.flip();
        }

        private static int crc(ByteBuffer bytes) {
            CRC32C crc = new CRC32C();
            crc.update(bytes.slice(0, HEADER_BYTES - Integer.BYTES));
            return (int) crc.getValue();
        }

        static Header decode(Path file, byte[] encoded) throws DamagedIndexException {
            if (encoded.length < HEADER_BYTES) {
                throw damaged(file, "header", "only " + encoded.length + " bytes in the file");
            }
            ByteBuffer in = ByteBuffer.wrap(encoded);
            if (in.getLong() != MAGIC) {
                throw damaged(file, "header", "not the file of an hnswlib index");
            }
            int version = in.getInt();
            if (version != VERSION) {
                throw damaged(file, "header", "format version " + version + ", this release reads " + VERSION);
            }
            if (in.getInt(HEADER_BYTES - Integer.BYTES) != crc(in)) {
                throw damaged(file, "header", "checksum does not match");
            }
            int dimension = in.getInt();
            int m = in.getInt();
            int efConstruction = in.getInt();
            int entries = in.getInt();
            int nodes = in.getInt();
            List<Section> sections = new ArrayList<>();
            for (int i = 0; i < NAMES.size(); i++) {
                sections.add(new Section(in.getLong(), in.getInt()));
            }
            if (nodes < HnswlibSnapshot.NO_GRAPH || nodes > entries) {
                throw damaged(file, "header", "impossible: " + nodes + " nodes of " + entries + " entries");
            }
            return new Header(dimension, m, efConstruction, entries, nodes, sections);
        }

        long fileLength() {
            return HEADER_BYTES + sections.stream().mapToLong(Section::length).sum();
        }
    }

    /** What a file holds. */
    record Content(HnswlibSnapshot snapshot, byte[] userData) {}

    @FunctionalInterface
    private interface Writing {
        void to(DataOutputStream out) throws IOException;
    }

    /** Writes a file and forces it to the disk; an incomplete one may be left when that fails. */
    static void write(Path file, HnswParameters parameters, Content content) throws IOException {
        HnswlibSnapshot snapshot = content.snapshot();
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            channel.position(HEADER_BYTES);
            List<Section> sections = List.of(
                    write(channel, out -> out.write(content.userData())),
                    write(channel, snapshot::writeEntries),
                    write(channel, out -> out.write(snapshot.links())));
            Header header = new Header(
                    snapshot.dimension(),
                    parameters.m(),
                    parameters.efConstruction(),
                    snapshot.entries().size(),
                    snapshot.nodes(),
                    sections);
            ByteBuffer bytes = header.encode();
            while (bytes.hasRemaining()) {
                channel.write(bytes, bytes.position());
            }
            channel.force(true);
        }
    }

    /** The channel stays open. */
    private static Section write(FileChannel channel, Writing content) throws IOException {
        long from = channel.position();
        CRC32C crc = new CRC32C();
        OutputStream buffered = new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_BYTES);
        DataOutputStream out = new DataOutputStream(new CheckedOutputStream(buffered, crc));
        content.to(out);
        out.flush();
        return new Section(channel.position() - from, (int) crc.getValue());
    }

    /**
     * Reads a file that {@link #write} wrote, all of it twice: nothing is made of bytes whose checksum does not match.
     *
     * @throws NoSuchFileException when there is none
     * @throws DamagedIndexException when it is damaged, or is one of another version, dimension or parameters
     * @throws IOException when it cannot be read
     */
    static Content read(Path file, int dimension, HnswParameters parameters) throws IOException {
        Header header = verified(file);
        if (header.dimension != dimension
                || header.m != parameters.m()
                || header.efConstruction != parameters.efConstruction()) {
            throw damaged(
                    file,
                    "header",
                    header.dimension + " dimensions, M " + header.m + ", efConstruction " + header.efConstruction
                            + ", expected " + dimension + " and " + parameters);
        }
        try (DataInputStream in =
                new DataInputStream(new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES))) {
            in.skipNBytes(HEADER_BYTES);
            byte[] userData = in.readNBytes(length(header, USER_DATA));
            HnswlibSnapshot.Entries entries = HnswlibSnapshot.readEntries(dimension, header.entries, in);
            byte[] links = in.readNBytes(length(header, LINKS));
            return new Content(
                    new HnswlibSnapshot(dimension, entries.all(), entries.live(), header.nodes, links), userData);
        } catch (EOFException | UTFDataFormatException | RuntimeException e) {
            throw damaged(file, NAMES.get(ENTRIES), "impossible: " + e);
        }
    }

    private static int length(Header header, int section) {
        return Math.toIntExact(header.sections.get(section).length);
    }

    /**
     * Reads a file and compares its checksums.
     *
     * @throws NoSuchFileException when there is none
     * @throws DamagedIndexException when it is not what was written
     * @throws IOException when it cannot be read
     */
    static void verify(Path file) throws IOException {
        verified(file);
    }

    private static Header verified(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            Header header = Header.decode(file, in.readNBytes(HEADER_BYTES));
            long length = Files.size(file);
            if (length != header.fileLength()) {
                throw damaged(file, "length", length + " bytes, " + header.fileLength() + " were written");
            }
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int section = 0; section < NAMES.size(); section++) {
                verify(file, header, section, in, buffer);
            }
            return header;
        }
    }

    private static void verify(Path file, Header header, int section, InputStream in, byte[] buffer)
            throws IOException {
        CRC32C crc = new CRC32C();
        long left = header.sections.get(section).length;
        while (left > 0) {
            int read = in.readNBytes(buffer, 0, (int) Math.min(buffer.length, left));
            if (read == 0) {
                throw damaged(file, "length", "the file ends " + left + " bytes before its section does");
            }
            crc.update(buffer, 0, read);
            left -= read;
        }
        if ((int) crc.getValue() != header.sections.get(section).crc) {
            throw damaged(file, NAMES.get(section), "checksum does not match");
        }
    }

    /** What is wrong with a file, and that the index is built anew. */
    static DamagedIndexException damaged(Path file, String section, String what) {
        return new DamagedIndexException(
                file,
                section,
                what,
                "Delete the directory " + file.getParent() + "; the index is built anew from the store");
    }
}
