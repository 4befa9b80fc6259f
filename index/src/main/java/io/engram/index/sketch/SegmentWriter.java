package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/** Writes the file of a segment: section by section, the header last, and all of it to the disk. For one file. */
final class SegmentWriter implements AutoCloseable {
    private static final int BUFFER_BYTES = 256 << 10;

    private final FileChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final CRC32C crc = new CRC32C();
    private final List<SegmentHeader.Section> sections = new ArrayList<>();
    private long written;
    private long sectionAt;

    /** What is written, by ordinal. */
    interface Entries {
        int size();

        /** UTF-8. */
        byte[] id(int ordinal);

        long generation(int ordinal);

        float step(int ordinal);

        /** Copies the codes of an entry. */
        void codes(int ordinal, byte[] codes);
    }

    /**
     * What a file says of itself.
     *
     * @param kind {@link SegmentHeader#SEALED} or {@link SegmentHeader#OPEN}
     * @param words longs of a sketch
     */
    record Shape(int kind, int dimension, HnswParameters parameters, int words, IdHash hash) {}

    private SegmentWriter(Path file) throws IOException {
        channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
    }

    /**
     * Writes a file and forces it to the disk.
     *
     * @throws IOException when that fails, or the file would be larger than can be mapped; an incomplete file may be left
     */
    static void write(Path file, Shape shape, Entries entries, Optional<HammingGraph.Saved> graph) throws IOException {
        try (SegmentWriter writer = new SegmentWriter(file)) {
            writer.write(shape, entries, graph);
        }
    }

    private void write(Shape shape, Entries entries, Optional<HammingGraph.Saved> graph) throws IOException {
        buffer.position(0);
        channel.position(SegmentHeader.BYTES);
        written = SegmentHeader.BYTES;
        writeGraph(graph);
        writeEntries(shape, entries);
        writeIds(shape.hash(), entries);
        long length = SegmentHeader.aligned(written) + SegmentHeader.FOOTER_BYTES;
        if (length > Integer.MAX_VALUE) {
            throw new IOException("a segment of " + length + " bytes cannot be mapped at once");
        }
        SegmentHeader header = new SegmentHeader(
                shape.kind(),
                shape.dimension(),
                shape.parameters(),
                shape.words(),
                entries.size(),
                graph.map(HammingGraph.Saved::upperUsed).orElse(0),
                graph.map(HammingGraph.Saved::head).orElse(-1L),
                shape.hash(),
                length,
                sections);
        pad(SegmentHeader.LINE);
        buffer.put(header.footer().array());
        flush();
        writeFully(header.encode(), 0);
        channel.force(true);
    }

    private void writeFully(ByteBuffer bytes, long at) throws IOException {
        long to = at;
        while (bytes.hasRemaining()) {
            to += channel.write(bytes, to);
        }
    }

    private void writeGraph(Optional<HammingGraph.Saved> graph) throws IOException {
        begin();
        if (graph.isPresent()) {
            putLongs(
                    graph.get().nodes().sketches,
                    HeapNodes.PAD,
                    graph.get().count() * graph.get().words());
        }
        end();
        begin();
        if (graph.isPresent()) {
            putInts(
                    graph.get().nodes().base,
                    HeapNodes.LINK_PAD,
                    graph.get().count() * graph.get().baseStride());
        }
        end();
        begin();
        if (graph.isPresent()) {
            putInts(graph.get().nodes().upperAt, 0, graph.get().count());
        }
        end();
        begin();
        if (graph.isPresent()) {
            putInts(graph.get().nodes().upper, 0, graph.get().upperUsed());
        }
        end();
    }

    private void writeEntries(Shape shape, Entries entries) throws IOException {
        int size = entries.size();
        byte[] codes = new byte[shape.dimension()];
        begin();
        for (int ordinal = 0; ordinal < size; ordinal++) {
            entries.codes(ordinal, codes);
            putBytes(codes);
        }
        end();
        begin();
        for (int ordinal = 0; ordinal < size; ordinal++) {
            putInt(Float.floatToRawIntBits(entries.step(ordinal)));
        }
        end();
        begin();
        for (int ordinal = 0; ordinal < size; ordinal++) {
            putLong(entries.generation(ordinal));
        }
        end();
    }

    private void writeIds(IdHash hash, Entries entries) throws IOException {
        int size = entries.size();
        long[] table = new long[IdTable.slotsFor(size)];
        int offset = 0;
        begin();
        for (int ordinal = 0; ordinal < size; ordinal++) {
            byte[] id = entries.id(ordinal);
            putInt(offset);
            offset = Math.addExact(offset, id.length);
            put(table, hash.of(id), ordinal, id, entries);
        }
        putInt(offset);
        end();
        begin();
        for (int ordinal = 0; ordinal < size; ordinal++) {
            putBytes(entries.id(ordinal));
        }
        end();
        begin();
        putLongs(table, 0, table.length);
        end();
    }

    /** The last entry of an id takes the slot. */
    private static void put(long[] table, int hash, int ordinal, byte[] id, Entries entries) {
        int at = hash & table.length - 1;
        while (table[at] != 0
                && (IdTable.hash(table[at]) != hash || !Arrays.equals(entries.id(IdTable.ordinal(table[at])), id))) {
            at = at + 1 & table.length - 1;
        }
        table[at] = IdTable.slot(hash, ordinal);
    }

    private void begin() throws IOException {
        pad(SegmentHeader.LINE);
        flush();
        crc.reset();
        sectionAt = written;
    }

    private void end() throws IOException {
        flush();
        sections.add(new SegmentHeader.Section(sectionAt, written - sectionAt, (int) crc.getValue()));
    }

    private void pad(int line) throws IOException {
        while ((written + buffer.position()) % line != 0) {
            putByte();
        }
    }

    private void putByte() throws IOException {
        ensure(1);
        buffer.put((byte) 0);
    }

    private void putInt(int value) throws IOException {
        ensure(Integer.BYTES);
        buffer.putInt(value);
    }

    private void putLong(long value) throws IOException {
        ensure(Long.BYTES);
        buffer.putLong(value);
    }

    private void putBytes(byte[] bytes) throws IOException {
        int from = 0;
        while (from < bytes.length) {
            ensure(1);
            int count = Math.min(buffer.remaining(), bytes.length - from);
            buffer.put(bytes, from, count);
            from += count;
        }
    }

    private void putInts(int[] values, int first, int count) throws IOException {
        for (int i = first; i < first + count; i++) {
            putInt(values[i]);
        }
    }

    private void putLongs(long[] values, int first, int count) throws IOException {
        for (int i = first; i < first + count; i++) {
            putLong(values[i]);
        }
    }

    private void ensure(int bytes) throws IOException {
        if (buffer.remaining() < bytes) {
            flush();
        }
    }

    private void flush() throws IOException {
        buffer.flip();
        crc.update(buffer.duplicate());
        written += buffer.remaining();
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        buffer.clear();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
