package io.engram.index.sketch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * Sketches and links as flat arrays.
 *
 * <pre>
 * sketches   padding, then w words per node
 * base       padding, then per node: 2M neighbours, behind the last one -1     (base layer)
 *            a neighbour: 1 for a link of the tree, in bit 30 │ node : 18
 * upperAt    per node: where its upper layers begin in upper, or -1
 * upper      per layer above the base: M neighbours, behind the last one -1
 * </pre>
 *
 * Links are written with release and read with acquire; nothing else changes below what the graph calls its size.
 */
final class HeapNodes extends Nodes {
    static final VarHandle INTS = MethodHandles.arrayElementVarHandle(int[].class);

    /**
     * Longs before the first sketch. A large array begins at a cache line with a header of 16 bytes; with 48 more each sketch
     * lies in as few lines as it can.
     */
    static final int PAD = 6;

    /** The same for links, in ints. */
    static final int LINK_PAD = 2 * PAD;

    private static final int LINE_WORDS = 8;

    private final int words;
    private final int m;
    final long[] sketches;
    final int[] base;
    final int[] upperAt;
    final int[] upper;

    HeapNodes(int words, int m, long[] sketches, int[] base, int[] upperAt, int[] upper) {
        this.words = words;
        this.m = m;
        this.sketches = sketches;
        this.base = base;
        this.upperAt = upperAt;
        this.upper = upper;
    }

    /** Without a node, with room for so many, and for {@code upperLength} links above the base. */
    static HeapNodes empty(int words, int m, int nodes, int upperLength) {
        return new HeapNodes(
                words,
                m,
                new long[PAD + nodes * words],
                extended(new int[0], LINK_PAD + nodes * 2 * m),
                extended(new int[0], nodes),
                extended(new int[0], upperLength));
    }

    /** A copy with more room. */
    HeapNodes grown(int nodes, int upperLength) {
        boolean more = nodes > capacity();
        // The upper links are copied whenever the nodes are: whoever holds the old arrays must not meet a node beyond
        // them.
        return new HeapNodes(
                words,
                m,
                more ? Arrays.copyOf(sketches, PAD + nodes * words) : sketches,
                more ? extended(base, LINK_PAD + nodes * 2 * m) : base,
                more ? extended(upperAt, nodes) : upperAt,
                extended(upper, upperLength));
    }

    /** A copy with nothing in what is new. */
    private static int[] extended(int[] array, int length) {
        int[] copy = Arrays.copyOf(array, length);
        Arrays.fill(copy, array.length, length, NONE);
        return copy;
    }

    /** With links that are copied, up to so many nodes and so many links above the base; sketches, which never change, are shared. */
    HeapNodes withLinksOf(int nodes, int upperUsed) {
        return new HeapNodes(
                words,
                m,
                sketches,
                Arrays.copyOf(base, LINK_PAD + nodes * 2 * m),
                upperAt,
                Arrays.copyOf(upper, upperUsed));
    }

    long memoryBytes() {
        return 8L * sketches.length + 4L * (base.length + upperAt.length + upper.length);
    }

    int sketchAt(int node) {
        return PAD + node * words;
    }

    int linksAt(int node, int layer) {
        return layer == 0 ? LINK_PAD + node * 2 * m : upperAt[node] + (layer - 1) * m;
    }

    int[] links(int layer) {
        return layer == 0 ? base : upper;
    }

    @Override
    int capacity() {
        return upperAt.length;
    }

    @Override
    int distance(int node, long[] sketch) {
        return Rotation.distance(sketches, PAD + node * words, sketch, 0, words);
    }

    @Override
    void distances(int[] nodes, int count, long[] sketch, int[] distances) {
        long[] all = sketches;
        int sketchWords = words;
        long touched = 0;
        for (int i = 0; i < count; i++) {
            int first = PAD + nodes[i] * sketchWords;
            for (int w = 0; w < sketchWords; w += LINE_WORDS) {
                touched ^= all[first + w];
            }
        }
        for (int i = 0; i < count; i++) {
            distances[i] = Rotation.distance(all, PAD + nodes[i] * sketchWords, sketch, 0, sketchWords);
        }
        distances[count] = (int) touched; // so that the compiler does not leave it out
    }

    @Override
    int neighbours(int node, int layer, int[] neighbours) {
        int[] links = links(layer);
        int at = linksAt(node, layer);
        int max = layer == 0 ? 2 * m : m;
        int count = 0;
        while (count < max) {
            int link = (int) INTS.getAcquire(links, at + count);
            if (link == NONE) {
                break;
            }
            neighbours[count++] = link & NODE_MASK;
        }
        return count;
    }
}
