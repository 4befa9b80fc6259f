package io.engram.index.sketch;

import java.util.Arrays;

/**
 * Entries of a {@link OpenSegment} in the order in which they came, of which only {@code live} ever changes.
 *
 * @param steps what one step of the codes is worth
 * @param live 1 until the entry is removed or replaced
 * @param codes a signed byte per component
 */
record Block(String[] ids, long[] generations, float[] steps, byte[] live, byte[] codes) {
    /** Of the record and the heads of its arrays. */
    private static final int ARRAYS_BYTES = 32 + 5 * 16;

    static Block of(int entries, int dimension) {
        return new Block(
                new String[entries],
                new long[entries],
                new float[entries],
                new byte[entries],
                new byte[entries * dimension]);
    }

    Block resized(int entries, int dimension) {
        return new Block(
                Arrays.copyOf(ids, entries),
                Arrays.copyOf(generations, entries),
                Arrays.copyOf(steps, entries),
                Arrays.copyOf(live, entries),
                Arrays.copyOf(codes, entries * dimension));
    }

    /** What is allocated, ids excepted: of an entry a reference, the generation, the step, a byte and the codes. */
    long memoryBytes(int dimension) {
        return ARRAYS_BYTES + ids.length * (dimension + 17L);
    }
}
