package io.engram.index;

/** Kernels over float vectors in plain Java. */
public final class Vectors {
    private static final double LEAST_IN_FLOATS = 1e-15;
    private static final double MOST_IN_FLOATS = 1e15;

    private Vectors() {}

    /**
     * The dot product of two vectors of equal length. Eight accumulators keep the multipliers busy: a single one would
     * wait for each addition, since float addition may not be reordered by the compiler.
     */
    public static float dot(float[] a, float[] b) {
        int length = a.length;
        int bound = length & ~7;
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        float s4 = 0;
        float s5 = 0;
        float s6 = 0;
        float s7 = 0;
        int i = 0;
        for (; i < bound; i += 8) {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
            s4 += a[i + 4] * b[i + 4];
            s5 += a[i + 5] * b[i + 5];
            s6 += a[i + 6] * b[i + 6];
            s7 += a[i + 7] * b[i + 7];
        }
        for (; i < length; i++) {
            s0 += a[i] * b[i];
        }
        return (s0 + s1) + (s2 + s3) + ((s4 + s5) + (s6 + s7));
    }

    /**
     * The vector at length 1, as a copy.
     *
     * @throws IllegalArgumentException when it is zero or not finite
     */
    public static float[] normalised(float[] vector) {
        double norm = norm(vector);
        float[] unit = new float[vector.length];
        for (int i = 0; i < vector.length; i++) {
            unit[i] = (float) (vector[i] / norm);
        }
        return unit;
    }

    /**
     * As {@link #normalised(float[])}, of a vector that must have so many dimensions.
     *
     * @throws IllegalArgumentException when it has not, or is zero or not finite
     */
    public static float[] normalised(float[] vector, int dimension) {
        if (vector.length != dimension) {
            throw new IllegalArgumentException("vector has " + vector.length + " dimensions, expected " + dimension);
        }
        return normalised(vector);
    }

    /**
     * Exact cosine similarity, -1 to 1.
     *
     * @throws IllegalArgumentException when a vector is zero or not finite, or their lengths differ
     */
    public static float cosine(float[] a, float[] b) {
        if (a.length != b.length) {
            throw new IllegalArgumentException("dimensions differ: " + a.length + " and " + b.length);
        }
        double dot = 0;
        for (int i = 0; i < a.length; i++) {
            dot += (double) a[i] * b[i];
        }
        return (float) Math.max(-1, Math.min(1, dot / (norm(a) * norm(b))));
    }

    /**
     * The cosine similarity of a vector of length 1 and one of any length, -1 to 1: as {@link #cosine} but for the rounding of
     * floats, and quicker.
     *
     * @throws IllegalArgumentException when {@code vector} is zero or not finite, or their lengths differ
     */
    public static float cosineToUnit(float[] unit, float[] vector) {
        double length = norm(vector);
        // Beyond, products of floats are infinite or lose their last digits.
        if (length < LEAST_IN_FLOATS || length > MOST_IN_FLOATS || unit.length != vector.length) {
            return cosine(unit, vector);
        }
        return (float) Math.max(-1, Math.min(1, dot(unit, vector) / length));
    }

    /** The length of a vector; infinite when it is more than a float holds.
     *
     * @throws IllegalArgumentException when it is zero or not finite
     */
    public static float length(float[] vector) {
        return (float) norm(vector);
    }

    static double norm(float[] vector) {
        double squares = 0;
        for (float value : vector) {
            squares += (double) value * value;
        }
        return length(squares);
    }

    /** The length of a vector whose components have that sum of squares. */
    static double length(double squares) {
        if (!(squares > 0) || !Double.isFinite(squares)) {
            throw new IllegalArgumentException("vector is zero or not finite: squared norm " + squares);
        }
        return Math.sqrt(squares);
    }
}
