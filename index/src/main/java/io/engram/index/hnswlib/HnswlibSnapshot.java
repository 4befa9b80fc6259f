package io.engram.index.hnswlib;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * What an {@link HnswlibIndex} is at one moment; {@link HnswlibFile} has the layout.
 *
 * @param entries first those of the graph, dead ones too, because walks pass through them; then those without a node
 * @param live which of them are live
 * @param links of the graph; empty when there is none
 * @param nodes entries that are nodes of the graph
 */
record HnswlibSnapshot(int dimension, List<Entry> entries, boolean[] live, int nodes, byte[] links) {
    static final int NO_GRAPH = -1;

    /** Entries as they are read back. */
    record Entries(List<Entry> all, boolean[] live) {}

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
}
