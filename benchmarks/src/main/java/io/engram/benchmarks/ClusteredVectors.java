package io.engram.benchmarks;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * Vectors as embedding models leave them: {@value #CLUSTERS} clusters around Gaussian centres, each spread over its own
 * {@value #LATENT} random directions with unit variance in total per component, and a tenth of that as noise in all. The
 * same seed and number give the same vector in any process. Thread-safe.
 */
public final class ClusteredVectors {
    private static final int CLUSTERS = 200;
    private static final int LATENT = 32;
    private static final double NOISE = 0.1;

    private final int dimension;
    private final long seed;
    private final float[][] centres = new float[CLUSTERS][];
    private final float[][][] directions = new float[CLUSTERS][LATENT][];

    /**
     * @param dimension components of every vector, 1 or more
     * @param seed of everything
     */
    public ClusteredVectors(int dimension, long seed) {
        if (dimension < 1) {
            throw new IllegalArgumentException("dimension < 1: " + dimension);
        }
        this.dimension = dimension;
        this.seed = seed;
        RandomGenerator random = new SplittableRandom(seed);
        for (int c = 0; c < CLUSTERS; c++) {
            centres[c] = gaussian(random, 1);
            for (int d = 0; d < LATENT; d++) {
                directions[c][d] = gaussian(random, 1 / Math.sqrt(LATENT));
            }
        }
    }

    /** The vector of that number, 0 or more. */
    public float[] vector(long number) {
        RandomGenerator random = new SplittableRandom(seed ^ Long.reverse(number + 1));
        int cluster = random.nextInt(CLUSTERS);
        float[] vector = gaussian(random, NOISE);
        add(vector, centres[cluster], 1);
        for (float[] direction : directions[cluster]) {
            add(vector, direction, (float) random.nextGaussian());
        }
        return vector;
    }

    private float[] gaussian(RandomGenerator random, double scale) {
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) (scale * random.nextGaussian());
        }
        return vector;
    }

    private static void add(float[] to, float[] vector, float factor) {
        for (int i = 0; i < to.length; i++) {
            to[i] += factor * vector[i];
        }
    }
}
