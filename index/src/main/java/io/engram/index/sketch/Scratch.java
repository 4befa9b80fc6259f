package io.engram.index.sketch;

/** Working memory of one thread at a time, reused. Not thread-safe. */
final class Scratch {
    private final float[] rotated;
    private final long[] sketch;
    private final Beam beam = new Beam();
    private int[] nodes = new int[0];
    private int[] admitted = new int[0];

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

    int[] nodes(int max) {
        if (nodes.length < max) {
            nodes = new int[max];
        }
        return nodes;
    }

    int[] admitted(int max) {
        if (admitted.length < max) {
            admitted = new int[max];
        }
        return admitted;
    }
}
