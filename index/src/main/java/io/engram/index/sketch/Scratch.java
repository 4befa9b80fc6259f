package io.engram.index.sketch;

import java.util.Arrays;

/** Working memory of one thread at a time, reused. Not thread-safe. */
final class Scratch {
    private final float[] rotated;
    private final long[] sketch;
    private final Beam beam = new Beam();
    private Neighbours neighbours = Neighbours.of(0);
    private byte[] codes = new byte[0];
    private int[] admitted = new int[0];
    private int[] distances = new int[0];
    private float[] similarities = new float[0];
    private float[] ordered = new float[0];

    Scratch(Rotation rotation) {
        rotated = new float[rotation.rotatedLength()];
        sketch = new long[rotation.words()];
    }

    float[] rotated() {
        return rotated;
    }

    long[] sketch() {
        return sketch;
    }

    Beam beam() {
        return beam;
    }

    /** Room for the neighbours of a node, of a graph of this M. */
    Neighbours neighbours(int m) {
        if (neighbours.nodes().length < 2 * m) {
            neighbours = Neighbours.of(m);
        }
        return neighbours;
    }

    /** Room for the codes of one entry. */
    byte[] codes(int dimension) {
        if (codes.length < dimension) {
            codes = new byte[dimension];
        }
        return codes;
    }

    /** Makes room for the ordinals of a beam, their distances and their similarities. */
    void ensureAdmitted(int max) {
        if (admitted.length < max) {
            admitted = new int[max];
            distances = new int[max];
            similarities = new float[max];
            ordered = new float[max];
        }
    }

    int[] admitted() {
        return admitted;
    }

    int[] distances() {
        return distances;
    }

    float[] similarities() {
        return similarities;
    }

    /** The {@code nth} greatest of the first {@code count} similarities. */
    float greatest(int count, int nth) {
        System.arraycopy(similarities, 0, ordered, 0, count);
        Arrays.sort(ordered, 0, count);
        return ordered[count - nth];
    }
}
