package io.engram.index.sketch;

/**
 * Vectors of length 1 as signed bytes: every component is divided by a 127th of the greatest one. The cosine of two such
 * codes is integer arithmetic but for its scale, and a little off the true one. Stateless.
 */
final class Quantizer {
    /** Steps of a query's components; 2,047 · 127 · 8,192 components still fit an int. */
    private static final int QUERY_STEPS = 2_047;

    private static final int STEPS = 127;

    private Quantizer() {}

    /** Writes the codes of a vector; returns what one step is worth, so that the codes have length 1 as well. */
    static float encode(float[] unit, byte[] codes, int at) {
        float perUnit = STEPS / greatest(unit);
        long squares = 0;
        for (int i = 0; i < unit.length; i++) {
            int code = Math.round(unit[i] * perUnit);
            codes[at + i] = (byte) code;
            squares += (long) code * code;
        }
        return (float) (1 / Math.sqrt(squares));
    }

    /** True when encoding the vector gives these codes. */
    static boolean matches(float[] unit, byte[] codes, int at) {
        float perUnit = STEPS / greatest(unit);
        for (int i = 0; i < unit.length; i++) {
            if (codes[at + i] != (byte) Math.round(unit[i] * perUnit)) {
                return false;
            }
        }
        return true;
    }

    /** Writes the codes of a query, finer than those of stored vectors; returns what one step is worth. */
    static float encodeQuery(float[] unit, short[] codes) {
        float perUnit = QUERY_STEPS / greatest(unit);
        long squares = 0;
        for (int i = 0; i < unit.length; i++) {
            codes[i] = (short) Math.round(unit[i] * perUnit);
            squares += (long) codes[i] * codes[i];
        }
        return (float) (1 / Math.sqrt(squares));
    }

    private static float greatest(float[] unit) {
        float greatest = Float.MIN_NORMAL;
        for (float component : unit) {
            greatest = Math.max(greatest, Math.abs(component));
        }
        return greatest;
    }

    /** The dot product of a query's codes and a stored vector's. */
    static int dot(short[] query, byte[] codes, int at) {
        int length = query.length;
        int bound = length & ~3;
        int s0 = 0;
        int s1 = 0;
        int s2 = 0;
        int s3 = 0;
        int i = 0;
        for (; i < bound; i += 4) {
            s0 += query[i] * codes[at + i];
            s1 += query[i + 1] * codes[at + i + 1];
            s2 += query[i + 2] * codes[at + i + 2];
            s3 += query[i + 3] * codes[at + i + 3];
        }
        for (; i < length; i++) {
            s0 += query[i] * codes[at + i];
        }
        return s0 + s1 + s2 + s3;
    }
}
