package io.engram.index;

/**
 * Exact cosine similarity of one query with many vectors, computed in doubles. Sums run in four lanes, so that an addition
 * need not wait for the one before it. Thread-safe.
 */
public final class ExactCosine {
    private static final int LANES = 4;

    private final double[] unit;

    /**
     * @param query finite, not all zero; copied
     * @throws IllegalArgumentException when it is zero or not finite
     */
    public ExactCosine(float[] query) {
        double norm = Vectors.norm(query);
        unit = new double[query.length];
        for (int i = 0; i < query.length; i++) {
            unit[i] = query[i] / norm;
        }
    }

    /** Components of the query. */
    public int dimension() {
        return unit.length;
    }

    /**
     * The similarity of the query and a vector, -1 to 1.
     *
     * @throws IllegalArgumentException when the vector is zero or not finite, or has another dimension
     */
    public float similarity(float[] vector) {
        if (vector.length != unit.length) {
            throw new IllegalArgumentException("dimensions differ: " + unit.length + " and " + vector.length);
        }
        double dot0 = 0;
        double dot1 = 0;
        double dot2 = 0;
        double dot3 = 0;
        double squares0 = 0;
        double squares1 = 0;
        double squares2 = 0;
        double squares3 = 0;
        int bound = vector.length & -LANES;
        for (int i = 0; i < bound; i += LANES) {
            double v0 = vector[i];
            double v1 = vector[i + 1];
            double v2 = vector[i + 2];
            double v3 = vector[i + 3];
            dot0 += v0 * unit[i];
            dot1 += v1 * unit[i + 1];
            dot2 += v2 * unit[i + 2];
            dot3 += v3 * unit[i + 3];
            squares0 += v0 * v0;
            squares1 += v1 * v1;
            squares2 += v2 * v2;
            squares3 += v3 * v3;
        }
        for (int i = bound; i < vector.length; i++) {
            dot0 += vector[i] * unit[i];
            squares0 += (double) vector[i] * vector[i];
        }
        double norm = Vectors.length(squares0 + squares1 + (squares2 + squares3));
        return (float) Math.max(-1, Math.min(1, (dot0 + dot1 + (dot2 + dot3)) / norm));
    }
}
