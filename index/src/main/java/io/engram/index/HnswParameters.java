package io.engram.index;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * The build parameters of a Hierarchical Navigable Small World graph (Malkov and Yashunin, "Efficient and robust
 * approximate nearest neighbor search using Hierarchical Navigable Small World graphs", IEEE TPAMI 2018).
 *
 * @param m links per node on the upper layers, twice as many on the base layer; 2 to 128
 * @param efConstruction beam width while inserting, at least {@code m}
 */
public record HnswParameters(int m, int efConstruction) {
    public static final HnswParameters DEFAULT = new HnswParameters(16, 100);

    public HnswParameters {
        if (m < 2 || m > 128) {
            throw new IllegalArgumentException("m not in 2..128: " + m);
        }
        if (efConstruction < m) {
            throw new IllegalArgumentException("efConstruction < m: " + efConstruction + " < " + m);
        }
    }

    /** Notes in a snapshot what its graphs are built with: M and efConstruction, four bytes each. */
    public void write(DataOutput out) throws IOException {
        out.writeInt(m);
        out.writeInt(efConstruction);
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws IOException when graphs were built with other parameters than these
     */
    public void requireSame(DataInput in) throws IOException {
        int builtM = in.readInt();
        int builtEfConstruction = in.readInt();
        if (builtM != m || builtEfConstruction != efConstruction) {
            throw new IOException(
                    "built with M " + builtM + ", efConstruction " + builtEfConstruction + ", configured are " + this);
        }
    }
}
