package io.engram.index.sketch;

import io.engram.index.DamagedIndexException;
import io.engram.index.HnswParameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * A segment in a mapped file, which never changes; of all that it holds only what is dead is in the heap. The layout is that of
 * {@link SegmentHeader}.
 *
 * <p>The mapping ends when the garbage collector finds that nobody reads it any more: ending it earlier would need a count of
 * readers that every search touches, and a mistake in it would end the process. A file that is deleted meanwhile takes space on
 * the disk until then. Thread-safe.
 */
final class SealedSegment extends Segment {
    /** Of the object, its buffers and what is dead. */
    private static final int OWN_BYTES = 1_000;

    private final Path file;
    private final long number;
    private final SegmentHeader header;
    private final int dimension;
    private final MappedByteBuffer bytes;
    private final MappedNodes nodes;
    private final ByteBuffer codes;
    private final FloatBuffer steps;
    private final LongBuffer generations;
    private final IntBuffer idOffsets;
    private final ByteBuffer ids;
    private final LongBuffer idTable;
    private final DeadEntries dead;

    private SealedSegment(Path file, long number, Rotation rotation, SegmentHeader header, MappedByteBuffer bytes) {
        super(rotation);
        this.file = file;
        this.number = number;
        this.header = header;
        this.dimension = header.dimension();
        this.bytes = bytes;
        this.nodes = new MappedNodes(
                header.entries(),
                header.words(),
                header.parameters().m(),
                section(SegmentHeader.SKETCHES).asLongBuffer(),
                section(SegmentHeader.BASE).asIntBuffer(),
                section(SegmentHeader.UPPER_INDEX).asIntBuffer(),
                section(SegmentHeader.UPPER).asIntBuffer());
        this.codes = section(SegmentHeader.CODES);
        this.steps = section(SegmentHeader.STEPS).asFloatBuffer();
        this.generations = section(SegmentHeader.GENERATIONS).asLongBuffer();
        this.idOffsets = section(SegmentHeader.ID_OFFSETS).asIntBuffer();
        this.ids = section(SegmentHeader.IDS);
        this.idTable = section(SegmentHeader.ID_TABLE).asLongBuffer();
        this.dead = new DeadEntries(header.entries());
    }

    /**
     * Maps a file. Reads its header, length and footer only.
     *
     * @param number of the file in its directory
     * @throws DamagedIndexException when it is missing, or is no whole segment of this dimension and these parameters
     * @throws IOException when it cannot be read
     */
    static SealedSegment open(Path file, long number, int dimension, Rotation rotation, HnswParameters parameters)
            throws IOException {
        MappedByteBuffer bytes = map(file);
        SegmentHeader header = SegmentHeader.decode(file, bytes);
        if (header.dimension() != dimension
                || header.words() != rotation.words()
                || !header.parameters().equals(parameters)) {
            throw SegmentHeader.damaged(
                    file,
                    "header",
                    header.dimension() + " dimensions and " + header.parameters() + ", expected " + dimension + " and "
                            + parameters);
        }
        return new SealedSegment(file, number, rotation, header, bytes);
    }

    /** @throws DamagedIndexException when the file is not the one that the manifest means */
    void requireSame(Manifest.Part part) throws DamagedIndexException {
        if (header.kind() != part.kind()
                || header.entries() != part.entries()
                || header.checksum() != part.checksum()) {
            throw SegmentHeader.damaged(file, "header", "another file than the one that the manifest names");
        }
    }

    private static MappedByteBuffer map(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() > Integer.MAX_VALUE) {
                throw SegmentHeader.damaged(file, "length", channel.size() + " bytes are more than any segment has");
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
        } catch (NoSuchFileException e) {
            throw SegmentHeader.damaged(file, "file", "is missing");
        }
    }

    private ByteBuffer section(int section) {
        SegmentHeader.Section at = header.sections().get(section);
        return bytes.slice((int) at.offset(), (int) at.length()).order(ByteOrder.LITTLE_ENDIAN);
    }

    Path file() {
        return file;
    }

    long number() {
        return number;
    }

    SegmentHeader header() {
        return header;
    }

    DeadEntries deadEntries() {
        return dead;
    }

    /**
     * Reads the whole file and compares the checksum of each section.
     *
     * @throws DamagedIndexException when one does not match; the first one is named
     */
    void verify() throws DamagedIndexException {
        CRC32C crc = new CRC32C();
        for (int section = 0; section < SegmentHeader.SECTIONS; section++) {
            crc.reset();
            crc.update(section(section));
            if ((int) crc.getValue() != header.sections().get(section).crc()) {
                throw SegmentHeader.damaged(file, SegmentHeader.nameOf(section), "checksum does not match");
            }
        }
    }

    /** Reads sketches and links, which every walk needs, into the page cache. */
    void warm() {
        for (int section = SegmentHeader.SKETCHES; section <= SegmentHeader.UPPER; section++) {
            SegmentHeader.Section at = header.sections().get(section);
            if (at.length() > 0) {
                bytes.slice((int) at.offset(), (int) at.length()).load();
            }
        }
    }

    @Override
    int size() {
        return header.entries();
    }

    @Override
    int dead() {
        return dead.count();
    }

    /** Where the newest entry of an id is, live or not. */
    int find(IdHash.Key key) {
        int mask = idTable.limit() - 1;
        int at = key.hash() & mask;
        // A damaged table may have no empty slot.
        for (int probes = 0; probes <= mask; probes++) {
            long slot = idTable.get(at);
            if (slot == 0) {
                return IdTable.NONE;
            }
            if (IdTable.hash(slot) == key.hash() && hasId(IdTable.ordinal(slot), key.utf8())) {
                return IdTable.ordinal(slot);
            }
            at = at + 1 & mask;
        }
        return IdTable.NONE;
    }

    private boolean hasId(int ordinal, byte[] utf8) {
        if (ordinal < 0 || ordinal >= size()) {
            return false;
        }
        int from = idOffsets.get(ordinal);
        if (from < 0 || idOffsets.get(ordinal + 1) - from != utf8.length || from > ids.limit() - utf8.length) {
            return false;
        }
        for (int i = 0; i < utf8.length; i++) {
            if (ids.get(from + i) != utf8[i]) {
                return false;
            }
        }
        return true;
    }

    /**
     * The bytes of an entry's id.
     *
     * @throws UncheckedIOException when the file was damaged since it was written
     */
    byte[] utf8(int ordinal) {
        int from = idOffsets.get(ordinal);
        int to = idOffsets.get(ordinal + 1);
        if (from < 0 || to < from || to > ids.limit()) {
            throw new UncheckedIOException(SegmentHeader.damaged(
                    file, SegmentHeader.nameOf(SegmentHeader.ID_OFFSETS), "id from " + from + " to " + to));
        }
        byte[] utf8 = new byte[to - from];
        ids.get(from, utf8);
        return utf8;
    }

    @Override
    String id(int ordinal) {
        return new String(utf8(ordinal), StandardCharsets.UTF_8);
    }

    @Override
    long generation(int ordinal) {
        return generations.get(ordinal);
    }

    @Override
    float step(int ordinal) {
        return steps.get(ordinal);
    }

    /** Copies the codes of so many entries. */
    void codes(int first, int count, byte[] into) {
        codes.get(first * dimension, into, 0, count * dimension);
    }

    @Override
    boolean isLive(int ordinal) {
        return !dead.contains(ordinal);
    }

    @Override
    void kill(int ordinal) {
        dead.add(ordinal);
    }

    @Override
    boolean matches(int ordinal, float[] unit) {
        byte[] stored = new byte[dimension];
        codes(ordinal, 1, stored);
        return Quantizer.matches(unit, stored, 0);
    }

    @Override
    int dot(short[] query, int ordinal, Scratch scratch) {
        // Copied at once: byte by byte out of a buffer takes longer.
        byte[] stored = scratch.codes(dimension);
        codes.get(ordinal * dimension, stored, 0, dimension);
        return Quantizer.dot(query, stored, 0);
    }

    @Override
    boolean hasGraph() {
        return header.hasGraph();
    }

    @Override
    void walk(int ef, Scratch scratch) {
        GraphWalk.search(
                nodes,
                header.head(),
                size(),
                scratch.sketch(),
                ef,
                scratch.beam(),
                scratch.neighbours(header.parameters().m()));
    }

    /** Copies an entry's sketch; only when there is a graph. */
    void sketch(int ordinal, long[] sketch) {
        nodes.sketch(ordinal, sketch);
    }

    long head() {
        return header.head();
    }

    int upperLength() {
        return header.upperLength();
    }

    /** Copies the graph into arrays with room for it. */
    void copyGraph(HeapNodes to, int upperUsed) {
        int entries = size();
        section(SegmentHeader.SKETCHES).asLongBuffer().get(to.sketches, HeapNodes.PAD, entries * header.words());
        section(SegmentHeader.BASE)
                .asIntBuffer()
                .get(
                        to.base,
                        HeapNodes.LINK_PAD,
                        entries * 2 * header.parameters().m());
        section(SegmentHeader.UPPER_INDEX).asIntBuffer().get(to.upperAt, 0, entries);
        section(SegmentHeader.UPPER).asIntBuffer().get(to.upper, 0, upperUsed);
    }

    @Override
    long memoryBytes() {
        return OWN_BYTES + dead.memoryBytes();
    }
}
