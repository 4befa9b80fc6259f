package io.engram.index.hnswlib;

import io.engram.index.HnswParameters;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * What an {@link HnswlibIndex} saves.
 *
 * <pre>
 * big-endian, but for the vectors
 * size      field
 * 1         version = 1
 * 4 4 4     dimension d, M, efConstruction
 * 4         number of entries n
 * n ×       1 live?  2+… id (modified UTF-8)  8 generation  8 version  4×d unit vector, float32 little-endian
 * 4         nodes: the graph's are the first so many entries, in its order; -1 = no graph yet
 * 4 + …     length and bytes of the links, when there is a graph
 * </pre>
 *
 * @param entries first those of the graph, dead ones too, because walks pass through them; then those without a node
 * @param live which of them are live
 * @param links of the graph; empty when there is none
 * @param nodes entries that are nodes of the graph
 */
record HnswlibSnapshot(int dimension, List<Entry> entries, boolean[] live, int nodes, byte[] links) {
    static final int NO_GRAPH = -1;

    private static final byte VERSION = 1;

    /** Entries as they are read back. */
    record Entries(List<Entry> all, boolean[] live) {}

    void write(HnswParameters parameters, OutputStream stream) throws IOException {
        DataOutputStream out = new DataOutputStream(stream);
        out.writeByte(VERSION);
        out.writeInt(dimension);
        parameters.write(out);
        out.writeInt(entries.size());
        writeEntries(out);
        out.writeInt(nodes);
        if (nodes != NO_GRAPH) {
            out.writeInt(links.length);
            out.write(links);
        }
        out.flush();
    }

    /** Writes all entries, one after the other. */
    void writeEntries(DataOutputStream out) throws IOException {
        ByteBuffer floats = ByteBuffer.allocate(dimension * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < live.length; i++) {
            Entry entry = entries.get(i);
            out.writeBoolean(live[i]);
            out.writeUTF(entry.id());
            out.writeLong(entry.generation());
            out.writeLong(entry.version());
            floats.clear().asFloatBuffer().put(entry.vector());
            out.write(floats.array());
        }
    }

    /**
     * Reads what {@link #writeEntries} wrote.
     *
     * @throws IOException when the bytes are something else
     */
    static Entries readEntries(int dimension, int count, DataInputStream in) throws IOException {
        List<Entry> entries = new ArrayList<>();
        boolean[] live = new boolean[count];
        ByteBuffer floats = ByteBuffer.allocate(dimension * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            live[i] = in.readBoolean();
            String id = in.readUTF();
            long generation = in.readLong();
            long version = in.readLong();
            in.readFully(floats.array());
            float[] vector = new float[dimension];
            floats.clear().asFloatBuffer().get(vector);
            entries.add(new Entry(id, generation, version, vector));
        }
        return new Entries(entries, live);
    }

    /**
     * @throws IOException when the bytes are something else, or of a graph with other parameters
     */
    static HnswlibSnapshot read(HnswParameters parameters, InputStream stream) throws IOException {
        DataInputStream in = new DataInputStream(stream);
        byte layout = in.readByte();
        if (layout != VERSION) {
            throw new IOException("hnswlib snapshot of version " + layout + ", expected " + VERSION);
        }
        int dimension = in.readInt();
        parameters.requireSame(in);
        int count = in.readInt();
        if (dimension < 1 || count < 0) {
            throw new IOException("impossible dimension or size: " + dimension + ", " + count);
        }
        Entries entries = readEntries(dimension, count, in);
        int nodes = in.readInt();
        byte[] links = {};
        if (nodes != NO_GRAPH) {
            links = new byte[in.readInt()];
            in.readFully(links);
        }
        if (nodes > count) {
            throw new IOException("more nodes than entries: " + nodes + " of " + count);
        }
        return new HnswlibSnapshot(dimension, entries.all(), entries.live(), nodes, links);
    }
}
