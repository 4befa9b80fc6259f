package io.engram.index;

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

    /** Notes in a file what its graphs are built with: M and efConstruction, four bytes each. */
    public void write(DataOutput out) throws IOException {
        out.writeInt(m);
        out.writeInt(efConstruction);
    }
}
