package io.engram.index.sketch;

import io.engram.index.EntryFilter;
import io.engram.index.SearchRequest;
import java.util.Arrays;

/** A search and what its vector becomes on the way. Belongs to one thread. */
final class Query {
    private final SearchRequest request;
    private final float[] unit;
    private final short[] codes;
    private final float step;
    private float[] rotated = new float[0];
    // What the filter said of the entries of the segment that is being searched: a walk meets many of them again.
    private long[] asked = new long[0];
    private long[] admitted = new long[0];

    /** @param unit the request's vector at length 1 */
    Query(SearchRequest request, float[] unit) {
        this.request = request;
        this.unit = unit;
        this.codes = new short[unit.length];
        this.step = Quantizer.encodeQuery(unit, codes);
    }

    SearchRequest request() {
        return request;
    }

    float[] unit() {
        return unit;
    }

    short[] codes() {
        return codes;
    }

    /** What one step of the codes is worth. */
    float step() {
        return step;
    }

    /** Goes on to the next segment, which has so many entries. */
    void enter(int entries) {
        int words = (entries + Long.SIZE - 1) / Long.SIZE;
        if (request.filter() == EntryFilter.ALL) {
            return;
        }
        if (asked.length < words) {
            asked = new long[words];
            admitted = new long[words];
        } else {
            Arrays.fill(asked, 0);
        }
    }

    /** True when the entry of the segment may be returned; the filter, which may read the entry, is asked once. */
    boolean admits(Segment segment, int ordinal) {
        if (request.filter() == EntryFilter.ALL) {
            return request.maxGeneration() == Long.MAX_VALUE || segment.generation(ordinal) <= request.maxGeneration();
        }
        int word = ordinal / Long.SIZE;
        long bit = 1L << ordinal;
        if (word >= asked.length) {
            return asks(segment, ordinal); // appended since the search began
        }
        if ((asked[word] & bit) == 0) {
            asked[word] |= bit;
            admitted[word] = asks(segment, ordinal) ? admitted[word] | bit : admitted[word] & ~bit;
        }
        return (admitted[word] & bit) != 0;
    }

    private boolean asks(Segment segment, int ordinal) {
        return request.admits(segment.id(ordinal), segment.generation(ordinal));
    }

    /** True when the search must end with what it has found. */
    boolean isOver() {
        return request.isOver().getAsBoolean();
    }

    /** The rotated vector: the same for all segments. */
    float[] rotated(Rotation rotation) {
        if (rotated.length == 0) {
            rotated = new float[rotation.rotatedLength()];
            rotation.rotate(unit, rotated);
        }
        return rotated;
    }
}
