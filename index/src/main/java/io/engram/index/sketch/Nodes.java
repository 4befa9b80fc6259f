package io.engram.index.sketch;

/**
 * The sketches and links of a graph, wherever they lie: {@link HeapNodes} while it is built, {@link MappedNodes} in a file.
 * A walk asks for all neighbours of a node at once, so that a call that the compiler cannot inline costs little beside what
 * it does.
 */
abstract class Nodes {
    /** Behind the last link of a list. */
    static final int NONE = -1;

    private static final int TREE_BIT = 30;

    /** The mark of a link that is never dropped. */
    static final int TREE = 1 << TREE_BIT;

    static final int NODE_MASK = Beam.MAX_NODES - 1;

    /** 1 for a link of the tree, else 0. */
    static int treeShare(int link) {
        return link >>> TREE_BIT;
    }

    /** Nodes that there is room for: what a link leads to is below. */
    abstract int capacity();

    /** Hamming distance between a node's sketch and another. */
    abstract int distance(int node, long[] sketch);

    /**
     * The distances of several nodes.
     *
     * <p>Reads a word of each cache line of theirs before anything waits for one: the processor fetches them side by side instead
     * of one after the other.
     *
     * @param nodes the first {@code count} count
     * @param distances takes one for each, and has room for one more
     */
    abstract void distances(int[] nodes, int count, long[] sketch, int[] distances);

    /**
     * Copies the neighbours of a node on a layer, 0 for the base; returns how many there are.
     *
     * @param neighbours has room for 2M
     */
    abstract int neighbours(int node, int layer, int[] neighbours);
}
