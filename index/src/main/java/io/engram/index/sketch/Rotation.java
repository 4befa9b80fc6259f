package io.engram.index.sketch;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Bit sketches of vectors: the signs of a structured random rotation, so that the Hamming distance of two sketches
 * estimates the angle between their vectors (Charikar, "Similarity estimation techniques from rounding algorithms",
 * STOC 2002; the rotation as in Ailon and Chazelle, "The fast Johnson-Lindenstrauss transform", SICOMP 2009).
 *
 * <pre>
 * vector, zero-padded to b ≥ 1,024 components, b a power of two
 *   → three rounds of: random signs, then a Hadamard transform        (b·log b additions each)
 *   → one bit for each of the first 2,048 components at most: 1 where it is positive
 * </pre>
 *
 * Deterministic for a dimension: sketches of different processes can be compared. Thread-safe.
 */
final class Rotation {
    private static final int MIN_BITS = 1_024;
    private static final int MAX_BITS = 2_048;
    private static final int ROUNDS = 3;
    private static final long SEED = 0x454e4752414dL;

    private final int dimension;
    private final int padded;
    private final float[][] signs = new float[ROUNDS][];

    Rotation(int dimension) {
        this.dimension = dimension;
        this.padded = Math.max(MIN_BITS, Integer.highestOneBit(2 * dimension - 1));
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < ROUNDS; round++) {
            signs[round] = new float[padded];
            for (int i = 0; i < padded; i++) {
                signs[round][i] = random.nextBoolean() ? 1f : -1f;
            }
        }
    }

    /** Components of a rotated vector: a power of two, 1,024 or more. */
    int rotatedLength() {
        return padded;
    }

    /** Longs of a sketch. */
    int words() {
        return Math.min(padded, MAX_BITS) / Long.SIZE;
    }

    /**
     * Rotates a vector; only the direction of the result means anything.
     *
     * @param vector of the dimension
     * @param out {@link #rotatedLength} components
     */
    void rotate(float[] vector, float[] out) {
        float[] first = signs[0];
        for (int i = 0; i < dimension; i++) {
            out[i] = vector[i] * first[i];
        }
        Arrays.fill(out, dimension, padded, 0f);
        hadamard(out, padded);
        for (int round = 1; round < ROUNDS; round++) {
            float[] sign = signs[round];
            for (int i = 0; i < padded; i++) {
                out[i] *= sign[i];
            }
            hadamard(out, padded);
        }
    }

    /** In place, two layers of butterflies per pass, so that each component is loaded and stored half as often. */
    private static void hadamard(float[] a, int n) {
        int h = 1;
        if ((Integer.numberOfTrailingZeros(n) & 1) == 1) {
            for (int i = 0; i < n; i += 2) {
                float x = a[i];
                float y = a[i + 1];
                a[i] = x + y;
                a[i + 1] = x - y;
            }
            h = 2;
        }
        for (; h < n; h *= 4) {
            for (int block = 0; block < n; block += 4 * h) {
                butterflies(a, block, h);
            }
        }
    }

    private static void butterflies(float[] a, int from, int h) {
        for (int i = from; i < from + h; i++) {
            float s = a[i];
            float t = a[i + h];
            float u = a[i + 2 * h];
            float v = a[i + 3 * h];
            float sPlus = s + t;
            float sMinus = s - t;
            float uPlus = u + v;
            float uMinus = u - v;
            a[i] = sPlus + uPlus;
            a[i + h] = sMinus + uMinus;
            a[i + 2 * h] = sPlus - uPlus;
            a[i + 3 * h] = sMinus - uMinus;
        }
    }

    /**
     * The sketch of a rotated vector.
     *
     * @param rotated as {@link #rotate} left it
     * @param out {@link #words} words
     */
    void sketch(float[] rotated, long[] out) {
        int words = words();
        for (int w = 0; w < words; w++) {
            long word = 0;
            int base = w * Long.SIZE;
            for (int b = 0; b < Long.SIZE; b++) {
                // The sign bit of what is left of zero, which has none; no branch, it could not be predicted.
                word |= (long) (Float.floatToRawIntBits(0f - rotated[base + b]) >>> 31) << b;
            }
            out[w] = word;
        }
    }

    /** The Hamming distance of two sketches. */
    static int distance(long[] a, int atA, long[] b, int atB, int words) {
        int distance = 0;
        for (int w = 0; w < words; w += 8) {
            int i = atA + w;
            int j = atB + w;
            distance += Long.bitCount(a[i] ^ b[j])
                    + Long.bitCount(a[i + 1] ^ b[j + 1])
                    + Long.bitCount(a[i + 2] ^ b[j + 2])
                    + Long.bitCount(a[i + 3] ^ b[j + 3])
                    + Long.bitCount(a[i + 4] ^ b[j + 4])
                    + Long.bitCount(a[i + 5] ^ b[j + 5])
                    + Long.bitCount(a[i + 6] ^ b[j + 6])
                    + Long.bitCount(a[i + 7] ^ b[j + 7]);
        }
        return distance;
    }
}
