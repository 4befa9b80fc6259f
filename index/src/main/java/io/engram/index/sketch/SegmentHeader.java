package io.engram.index.sketch;

import io.engram.index.DamagedIndexException;
import io.engram.index.HnswParameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * The first and the last bytes of a segment's file. Everything is little-endian; sections and footer begin at cache lines.
 *
 * <pre>
 * header, {@value #BYTES} bytes
 *   0  8 magic │ 4 version = {@value #VERSION} │ 4 kind: 1 sealed, 2 open │ 4 dimension │ 4 M │ 4 efConstruction │ 4 longs of a sketch
 *  32  4 entries │ 4 links above the base │ 8 entry node : 32, highest layer : 32; -1 without a graph
 *  48  16 key of the hash of ids │ 8 length of the file │ 4 sections = {@value #SECTIONS} │ 4 zero
 *  80  per section: 8 offset │ 8 length │ 4 CRC-32C │ 4 zero
 *  …   zeros
 * 508  4 CRC-32C of the 508 bytes before
 *
 * sections
 *   sketches      per entry: the longs of its sketch                        none without a graph
 *   base          per entry: 2M links, behind the last one -1               none without a graph
 *                 a link: 1 for one of the tree, in bit 30 │ node : 18
 *   upper index   per entry: 4 where its layers above the base begin, or -1 none without a graph
 *   upper         per layer above the base: M nodes, behind the last one -1 none without a graph
 *   codes         per entry: a signed byte per component
 *   steps         per entry: 4 a float, what one step of the codes is worth
 *   generations   per entry: 8
 *   id offsets    per entry, and once more for the end: 4 where its id begins
 *   ids           UTF-8
 *   id table      a power of two of slots, at most half of them taken, linear probing: hash : 32 │ ordinal + 1 : 32
 *
 * footer, {@value #FOOTER_BYTES} bytes
 *   8 magic │ 4 CRC-32C of the header │ zeros
 * </pre>
 *
 * @param kind {@link #SEALED} or {@link #OPEN}
 * @param words longs of a sketch
 * @param head as {@link GraphWalk#head}; negative without a graph
 * @param sections by their number
 */
record SegmentHeader(
        int kind,
        int dimension,
        HnswParameters parameters,
        int words,
        int entries,
        int upperLength,
        long head,
        IdHash hash,
        long fileLength,
        List<Section> sections) {
    static final int VERSION = 1;
    static final int BYTES = 512;
    static final int FOOTER_BYTES = 64;
    static final int LINE = 64;
    static final int SECTIONS = 10;

    static final int SEALED = 1;
    static final int OPEN = 2;

    static final int SKETCHES = 0;
    static final int BASE = 1;
    static final int UPPER_INDEX = 2;
    static final int UPPER = 3;
    static final int CODES = 4;
    static final int STEPS = 5;
    static final int GENERATIONS = 6;
    static final int ID_OFFSETS = 7;
    static final int IDS = 8;
    static final int ID_TABLE = 9;

    private static final List<String> NAMES = List.of(
            "sketches",
            "base",
            "upper index",
            "upper",
            "codes",
            "steps",
            "generations",
            "id offsets",
            "ids",
            "id table");

    /** "ENGRAMSG" and "ENGRAMSE" in the order of the file's bytes. */
    private static final long MAGIC = 0x47534d4152474e45L;

    private static final long FOOTER_MAGIC = 0x45534d4152474e45L;

    private static final String REMEDY = "Its memories are built anew from the store";

    /** Where a section lies, and the checksum of its bytes. */
    record Section(long offset, long length, int crc) {}

    static String nameOf(int section) {
        return NAMES.get(section);
    }

    boolean hasGraph() {
        return head >= 0;
    }

    /** Where what follows {@code offset} begins: at a cache line. */
    static long aligned(long offset) {
        return (offset + LINE - 1) / LINE * LINE;
    }

    ByteBuffer encode() {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(MAGIC)
                .putInt(VERSION)
                .putInt(kind)
                .putInt(dimension)
                .putInt(parameters.m())
                .putInt(parameters.efConstruction())
                .putInt(words)
                .putInt(entries)
                .putInt(upperLength)
                .putLong(head)
                .putLong(hash.k0())
                .putLong(hash.k1())
                .putLong(fileLength)
                .putInt(SECTIONS)
                .putInt(0);
        for (Section section : sections) {
            bytes.putLong(section.offset())
                    .putLong(section.length())
                    .putInt(section.crc())
                    .putInt(0);
        }
        bytes.position(0);
        bytes.putInt(BYTES - Integer.BYTES, crc(bytes, BYTES - Integer.BYTES));
        return bytes;
    }

    /** The checksum at the end of the header: no two files that were written have the same, but by accident. */
    int checksum() {
        return encode().getInt(BYTES - Integer.BYTES);
    }

    ByteBuffer footer() {
        ByteBuffer bytes = ByteBuffer.allocate(FOOTER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(0, FOOTER_MAGIC).putInt(Long.BYTES, checksum());
        return bytes;
    }

    private static int crc(ByteBuffer bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(0, length));
        return (int) crc.getValue();
    }

    /**
     * The header of a file.
     *
     * @param file for messages
     * @param bytes the whole file
     * @throws DamagedIndexException when it is no segment of this version, or has another length than when it was written
     */
    static SegmentHeader decode(Path file, ByteBuffer bytes) throws DamagedIndexException {
        if (bytes.limit() < BYTES + FOOTER_BYTES) {
            throw damaged(file, "header", "only " + bytes.limit() + " bytes in the file");
        }
        ByteBuffer in = bytes.slice(0, BYTES).order(ByteOrder.LITTLE_ENDIAN);
        if (in.getLong() != MAGIC) {
            throw damaged(file, "header", "not a segment of an index");
        }
        int version = in.getInt();
        if (version != VERSION) {
            throw damaged(file, "header", "format version " + version + ", this release reads " + VERSION);
        }
        if (in.getInt(BYTES - Integer.BYTES) != crc(in, BYTES - Integer.BYTES)) {
            throw damaged(file, "header", "checksum does not match");
        }
        SegmentHeader header = decode(in);
        if (header.fileLength != bytes.limit()) {
            throw damaged(file, "length", bytes.limit() + " bytes, " + header.fileLength + " were written");
        }
        if (!header.isPossible()) {
            throw damaged(file, "header", "impossible " + header);
        }
        ByteBuffer end = bytes.slice(bytes.limit() - FOOTER_BYTES, FOOTER_BYTES);
        if (!header.footer().equals(end)) {
            throw damaged(file, "footer", "does not belong to the header");
        }
        return header;
    }

    private static SegmentHeader decode(ByteBuffer in) {
        int kind = in.getInt();
        int dimension = in.getInt();
        int m = in.getInt();
        int efConstruction = in.getInt();
        int words = in.getInt();
        int entries = in.getInt();
        int upperLength = in.getInt();
        long head = in.getLong();
        IdHash hash = new IdHash(in.getLong(), in.getLong());
        long length = in.getLong();
        in.getLong(); // sections: a number that belongs to the version
        Section[] sections = new Section[SECTIONS];
        for (int i = 0; i < SECTIONS; i++) {
            sections[i] = new Section(in.getLong(), in.getLong(), in.getInt());
            in.getInt();
        }
        return new SegmentHeader(
                kind,
                dimension,
                new HnswParameters(m, efConstruction),
                words,
                entries,
                upperLength,
                head,
                hash,
                length,
                Arrays.asList(sections));
    }

    /** True when every section has the length that its entries need and lies in the file. */
    private boolean isPossible() {
        long n = entries;
        long nodes = hasGraph() ? n : 0;
        long slots = sections.get(ID_TABLE).length() / Long.BYTES;
        long[] lengths = {
            nodes * words * Long.BYTES,
            nodes * 2 * parameters.m() * Integer.BYTES,
            nodes * Integer.BYTES,
            (long) upperLength * Integer.BYTES,
            n * dimension,
            n * Float.BYTES,
            n * Long.BYTES,
            (n + 1) * Integer.BYTES,
            sections.get(IDS).length(),
            (long) IdTable.slotsFor(entries) * Long.BYTES
        };
        boolean possible = entries > 0
                && entries <= Beam.MAX_NODES
                && dimension > 0
                && words > 0
                && slots > entries
                && (!hasGraph() || GraphWalk.entry(head) < entries);
        for (int i = 0; i < SECTIONS; i++) {
            Section section = sections.get(i);
            possible &= section.length() == lengths[i]
                    && section.length() >= 0
                    && section.offset() >= BYTES
                    && section.offset() % LINE == 0
                    && section.length() <= fileLength - FOOTER_BYTES - section.offset();
        }
        return possible;
    }

    /** What is wrong with a segment's file, and that it is built anew. */
    static DamagedIndexException damaged(Path file, String section, String what) {
        return new DamagedIndexException(file, section, what, REMEDY);
    }
}
