package io.engram.index.sketch;

import java.nio.IntBuffer;
import java.nio.LongBuffer;

/**
 * Sketches and links in a {@link SegmentFile}: without the padding of {@link HeapNodes}, for sections begin at cache lines.
 * A link that leads nowhere, in a file that was damaged since it was written, ends its list. Thread-safe.
 */
final class MappedNodes extends Nodes {
    private static final int LINE_WORDS = 8;

    private final int nodes;
    private final int words;
    private final int m;
    private final LongBuffer sketches;
    private final IntBuffer base;
    private final IntBuffer upperAt;
    private final IntBuffer upper;

    MappedNodes(int nodes, int words, int m, LongBuffer sketches, IntBuffer base, IntBuffer upperAt, IntBuffer upper) {
        this.nodes = nodes;
        this.words = words;
        this.m = m;
        this.sketches = sketches;
        this.base = base;
        this.upperAt = upperAt;
        this.upper = upper;
    }

    @Override
    int capacity() {
        return nodes;
    }

    /** Copies a node's sketch. */
    void sketch(int node, long[] sketch) {
        sketches.get(node * words, sketch, 0, words);
    }

    @Override
    int distance(int node, long[] sketch) {
        return distance(sketches, node * words, sketch, words);
    }

    private static int distance(LongBuffer all, int at, long[] sketch, int words) {
        int distance = 0;
        for (int w = 0; w < words; w += LINE_WORDS) {
            int i = at + w;
            distance += Long.bitCount(all.get(i) ^ sketch[w])
                    + Long.bitCount(all.get(i + 1) ^ sketch[w + 1])
                    + Long.bitCount(all.get(i + 2) ^ sketch[w + 2])
                    + Long.bitCount(all.get(i + 3) ^ sketch[w + 3])
                    + Long.bitCount(all.get(i + 4) ^ sketch[w + 4])
                    + Long.bitCount(all.get(i + 5) ^ sketch[w + 5])
                    + Long.bitCount(all.get(i + 6) ^ sketch[w + 6])
                    + Long.bitCount(all.get(i + 7) ^ sketch[w + 7]);
        }
        return distance;
    }

    @Override
    void distances(int[] wanted, int count, long[] sketch, int[] distances) {
        LongBuffer all = sketches;
        int sketchWords = words;
        long touched = 0;
        for (int i = 0; i < count; i++) {
            int first = wanted[i] * sketchWords;
            for (int w = 0; w < sketchWords; w += LINE_WORDS) {
                touched ^= all.get(first + w);
            }
        }
        for (int i = 0; i < count; i++) {
            distances[i] = distance(all, wanted[i] * sketchWords, sketch, sketchWords);
        }
        distances[count] = (int) touched; // so that the compiler does not leave it out
    }

    @Override
    int neighbours(int node, int layer, int[] neighbours) {
        IntBuffer links = layer == 0 ? base : upper;
        int at = layer == 0 ? node * 2 * m : upperAt.get(node) + (layer - 1) * m;
        int max = layer == 0 ? 2 * m : m;
        if (at < 0 || at > links.limit() - max) {
            return 0;
        }
        int count = 0;
        while (count < max) {
            int link = links.get(at + count);
            int neighbour = link & NODE_MASK;
            if (link == NONE || neighbour >= nodes) {
                break;
            }
            neighbours[count++] = neighbour;
        }
        return count;
    }
}
