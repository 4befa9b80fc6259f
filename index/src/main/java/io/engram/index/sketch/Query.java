package io.engram.index.sketch;

import io.engram.index.SearchRequest;

/** A search and what its vector becomes on the way. Belongs to one thread. */
final class Query {
    private final SearchRequest request;
    private final float[] unit;
    private final short[] codes;
    private final float step;
    private float[] rotated = new float[0];

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

    /** The rotated vector: the same for all segments. */
    float[] rotated(Rotation rotation) {
        if (rotated.length == 0) {
            rotated = new float[rotation.rotatedLength()];
            rotation.rotate(unit, rotated);
        }
        return rotated;
    }
}
