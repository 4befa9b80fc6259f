package io.engram.index.sketch;

import java.util.Arrays;

/**
 * The working memory of one walk through a graph: the nearest nodes met so far, in order, and which nodes were met.
 *
 * <pre>
 * entry (int)   0 : 1 │ distance : 12 │ node : 18 │ expanded : 1     smaller is nearer, so entries are compared as they are
 * beam          nearest … farthest; the next node to expand is the first one without its mark
 * met           one byte per node: the number of the walk that met it
 * </pre>
 *
 * <p>The walk ends when every node of the beam is expanded, which is where the two heaps of the paper stop as well, or when
 * the nearest so many are. Reused from walk to walk. Not thread-safe.
 */
final class Beam {
    /** Bits of a node's number; distances, of at most 2,048, take twelve more. */
    static final int NODE_BITS = 18;

    /** Nodes that an entry can name. */
    static final int MAX_NODES = 1 << NODE_BITS;

    private static final int NODE_MASK = MAX_NODES - 1;
    private static final int DISTANCE_SHIFT = NODE_BITS + 1;
    private static final int EXPANDED = 1;

    private int[] entries = new int[256];
    private int size;
    private int width;
    private int expandable;
    private int cursor;
    private byte[] met = new byte[0];
    private byte walk;

    /** Begins a walk that keeps the {@code beamWidth} nearest of {@code nodes} nodes, and expands them all. */
    void start(int beamWidth, int nodes) {
        start(beamWidth, beamWidth, nodes);
    }

    /** As {@link #start(int, int)}, but only the {@code nearest} of those kept are expanded. */
    void start(int beamWidth, int nearest, int nodes) {
        if (entries.length <= beamWidth) {
            entries = new int[beamWidth + 1];
        }
        width = beamWidth;
        expandable = nearest;
        if (met.length < nodes) {
            met = new byte[Math.max(nodes, Math.min(MAX_NODES, met.length * 2))];
            walk = 0;
        }
        size = 0;
        cursor = 0;
        nextWalk();
    }

    private void nextWalk() {
        if (++walk == 0) {
            Arrays.fill(met, (byte) 0);
            walk = 1;
        }
    }

    /** Goes on to another layer with the nodes that were found, as its first ones. */
    void descend(int beamWidth) {
        if (entries.length <= beamWidth) {
            entries = Arrays.copyOf(entries, beamWidth + 1);
        }
        width = beamWidth;
        size = Math.min(size, beamWidth);
        cursor = 0;
        nextWalk();
        for (int i = 0; i < size; i++) {
            entries[i] &= ~EXPANDED;
            met[node(i)] = walk;
        }
    }

    /** True the first time that a walk meets the node. */
    boolean meet(int node) {
        if (met[node] == walk) {
            return false;
        }
        met[node] = walk;
        return true;
    }

    /** Offers a node; it stays while it is among the nearest. */
    void offer(int distance, int node) {
        int entry = distance << DISTANCE_SHIFT | node << 1;
        int[] sorted = entries;
        int to = size;
        if (to == width) {
            if (entry >= sorted[to - 1]) {
                return;
            }
            to--;
        } else {
            size++;
        }
        int low = 0;
        int high = to;
        while (low < high) {
            int middle = low + high >>> 1;
            if (sorted[middle] < entry) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        System.arraycopy(sorted, low, sorted, low + 1, to - low);
        sorted[low] = entry;
        if (low < cursor) {
            cursor = low;
        }
    }

    /** The nearest node that was not expanded yet, or -1. */
    int next() {
        int[] sorted = entries;
        int end = Math.min(size, expandable);
        int at = cursor;
        while (at < end && (sorted[at] & EXPANDED) != 0) {
            at++;
        }
        cursor = at;
        if (at >= end) {
            return -1;
        }
        sorted[at] |= EXPANDED;
        return sorted[at] >>> 1 & NODE_MASK;
    }

    /** A node this far away or farther is not among the nearest. */
    int bound() {
        return size < width ? Integer.MAX_VALUE : distance(size - 1);
    }

    int size() {
        return size;
    }

    /** Nodes from the nearest on. */
    int node(int i) {
        return entries[i] >>> 1 & NODE_MASK;
    }

    int distance(int i) {
        return entries[i] >>> DISTANCE_SHIFT;
    }
}
