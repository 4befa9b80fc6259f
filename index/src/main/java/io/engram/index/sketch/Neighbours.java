package io.engram.index.sketch;

/** Room for the neighbours of one node and for their distances. Not thread-safe. */
record Neighbours(int[] nodes, int[] distances) {
    /** @param m links per node on the upper layers of a graph */
    static Neighbours of(int m) {
        return new Neighbours(new int[2 * m], new int[2 * m + 1]);
    }
}
