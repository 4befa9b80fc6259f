package io.engram.index.sketch;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Arrays;

/**
 * Entries of a {@link OpenSegment} in the order in which they came, of which only {@code live} ever changes.
 *
 * @param steps what one step of the codes is worth
 * @param live 1 until the entry is removed or replaced
 * @param codes a signed byte per component
 */
record Block(String[] ids, long[] generations, float[] steps, byte[] live, byte[] codes) {
    /** Of the record and the heads of its arrays. */
    private static final int ARRAYS_BYTES = 32 + 5 * 16;

    static Block of(int entries, int dimension) {
        return new Block(
                new String[entries],
                new long[entries],
                new float[entries],
                new byte[entries],
                new byte[entries * dimension]);
    }

    Block resized(int entries, int dimension) {
        return new Block(
                Arrays.copyOf(ids, entries),
                Arrays.copyOf(generations, entries),
                Arrays.copyOf(steps, entries),
                Arrays.copyOf(live, entries),
                Arrays.copyOf(codes, entries * dimension));
    }

    /** What is allocated, ids excepted: of an entry a reference, the generation, the step, a byte and the codes. */
    long memoryBytes(int dimension) {
        return ARRAYS_BYTES + ids.length * (dimension + 17L);
    }

    /**
     * Writes as many entries as there are in {@code saved}.
     *
     * @param saved {@code live} at the moment that is saved
     */
    void write(byte[] saved, int dimension, ArrayIo io, DataOutputStream out) throws IOException {
        int count = saved.length;
        for (int i = 0; i < count; i++) {
            out.writeUTF(ids[i]);
        }
        io.write(out, generations, count);
        io.write(out, steps, count);
        out.write(saved);
        out.write(codes, 0, count * dimension);
    }

    /** Reads what {@link #write} wrote; returns how many of the entries are dead. */
    int read(int count, int dimension, ArrayIo io, DataInputStream in) throws IOException {
        for (int i = 0; i < count; i++) {
            ids[i] = in.readUTF();
        }
        io.read(in, generations, count);
        io.read(in, steps, count);
        in.readFully(live, 0, count);
        in.readFully(codes, 0, count * dimension);
        int dead = 0;
        for (int i = 0; i < count; i++) {
            dead += live[i] == 0 ? 1 : 0;
        }
        return dead;
    }
}
