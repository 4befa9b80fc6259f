package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.function.IntFunction;

/**
 * The snapshot of a {@link SketchIndex}: its segments' arrays as they are, little-endian, one after the other.
 *
 * <pre>
 * 1 version │ 4 dimension │ 4 M │ 4 efConstruction │ 4 segments │ {@link OpenSegment} …
 * </pre>
 *
 * @param dimension of the vectors
 * @param segments by slot
 */
record SketchSnapshot(int dimension, OpenSegment[] segments) {
    private static final byte VERSION = 4;

    /** Writers wait only while the links of an unsealed segment are copied. */
    void write(HnswParameters parameters, OutputStream out) throws IOException {
        DataOutputStream data = new DataOutputStream(out);
        data.writeByte(VERSION);
        data.writeInt(dimension);
        parameters.write(data);
        data.writeInt(segments.length);
        // In order: an entry that is replaced meanwhile may be in twice, but none is left out.
        for (OpenSegment segment : segments) {
            segment.save().write(data);
        }
        data.flush();
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @param rotations by dimension
     * @throws IOException when the bytes are something else, or of graphs with other parameters
     */
    static SketchSnapshot read(HnswParameters parameters, IntFunction<Rotation> rotations, InputStream stream)
            throws IOException {
        DataInputStream in = new DataInputStream(stream);
        byte version = in.readByte();
        if (version != VERSION) {
            throw new IOException("sketch snapshot of version " + version + ", expected " + VERSION);
        }
        int dimension = in.readInt();
        parameters.requireSame(in);
        int count = in.readInt();
        if (dimension < 1 || count < 0 || count > Candidates.MAX_SLOTS) {
            throw new IOException("impossible dimension or segments: " + dimension + ", " + count);
        }
        Rotation rotation = rotations.apply(dimension);
        OpenSegment[] segments = new OpenSegment[count];
        for (int slot = 0; slot < count; slot++) {
            segments[slot] = OpenSegment.read(dimension, rotation, parameters, in);
        }
        return new SketchSnapshot(dimension, segments);
    }
}
