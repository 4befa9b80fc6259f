package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * A Hierarchical Navigable Small World graph (Malkov and Yashunin, IEEE TPAMI 2018) over bit sketches and the Hamming
 * distance, while it is built. Nodes are numbered in the order in which they come; there is no object per node: see
 * {@link HeapNodes}.
 *
 * <p>Two things hold it together whatever comes in whatever order. Every node of the base layer has a parent that was there
 * before it, linked both ways, and these links are never dropped: a tree. Otherwise the members of a tight cluster, copies of
 * one vector above all, would keep links to each other only. And a walk of the base layer starts from some nodes all over
 * the graph as well, and from the latest: a cluster that fills the beam has no way out.
 *
 * <p>One writer at a time; readers need no lock and never wait. A node is linked from others, on the base layer first, only
 * after its own sketch and its links on all layers are written, each link with release and read with acquire; a list that is
 * being rewritten shows a mix of old and new neighbours, all of them real nodes, or ends early. Arrays grow by copying: a
 * reader that still holds the old ones sees the graph as it was.
 */
final class HammingGraph {
    private static final VarHandle INTS = HeapNodes.INTS;
    private static final int NONE = Nodes.NONE;
    private static final int TREE = Nodes.TREE;
    private static final int NODE_MASK = Nodes.NODE_MASK;
    private static final int DISTANCE_SHIFT = Beam.NODE_BITS;

    /** Of the beam of an insert, five eighths are expanded: beyond them hardly a neighbour is found that is kept. */
    private static final int EXPANDED_EIGHTHS = 5;

    /** Room grows by a third: what is not used yet takes memory, and what was too small is garbage. */
    private static final int GROWTH_SHARE = 3;

    private static final int FIRST_CAPACITY = 256;
    private static final int MAX_LAYER = 12;

    /** Of the links of a node, at most one in so many belongs to the tree. */
    private static final int TREE_SHARE = 4;

    private final int words;
    private final int m;
    private final int efConstruction;
    private final int expandable;
    private final int baseStride;
    private final int upperStride;
    private final SplittableRandom random;
    private final int[] selected;
    private final int[] candidates;
    private final Neighbours neighbours;
    private int upperUsed;
    private volatile HeapNodes nodes;
    private volatile long head = -1;
    private volatile int size;

    /**
     * @param words longs of a sketch, a multiple of 8
     * @param parameters M and efConstruction
     * @param seed of the layers that nodes reach to
     * @param expected nodes that room is made for at once; 0 or more
     */
    HammingGraph(int words, HnswParameters parameters, long seed, int expected) {
        this.words = words;
        this.m = parameters.m();
        this.efConstruction = parameters.efConstruction();
        this.expandable = Math.max(m, efConstruction * EXPANDED_EIGHTHS / 8);
        this.baseStride = 2 * m;
        this.upperStride = m;
        this.random = new SplittableRandom(seed);
        this.selected = new int[2 * m];
        this.candidates = new int[2 * m + 1];
        this.neighbours = Neighbours.of(m);
        int room = Math.max(FIRST_CAPACITY, expected);
        this.nodes = HeapNodes.empty(words, m, room, room);
    }

    private HeapNodes room(int count, int used) {
        return HeapNodes.empty(words, m, count, Math.max(used, upperStride));
    }

    private void take(HeapNodes filled, int count, long saved, int used) {
        upperUsed = used;
        nodes = filled;
        size = count;
        head = saved;
    }

    /**
     * The graph of a segment's file, in the heap, so that nodes can be added.
     *
     * @param file has a graph, and was verified
     */
    static HammingGraph of(SealedSegment file, int words, HnswParameters parameters, long seed) {
        HammingGraph graph = new HammingGraph(words, parameters, seed + file.size(), 0);
        int used = file.upperLength();
        HeapNodes copy = graph.room(file.size(), used);
        file.copyGraph(copy, used);
        graph.take(copy, file.size(), file.head(), used);
        return graph;
    }

    /**
     * A graph at one moment.
     *
     * @param count of its nodes
     * @param nodes their links do not change any more
     */
    record Saved(int count, long head, int upperUsed, int words, int baseStride, HeapNodes nodes) {}

    /**
     * What is to be saved: sketches are shared, for they never change, links are copied. By the writer.
     *
     * @param complete true when no node will be added any more, so that links can be shared as well
     */
    Saved save(boolean complete) {
        HeapNodes now = nodes;
        int count = size;
        return new Saved(count, head, upperUsed, words, baseStride, complete ? now : now.withLinksOf(count, upperUsed));
    }

    /** Nodes in the graph. */
    int size() {
        return size;
    }

    long memoryBytes() {
        return nodes.memoryBytes();
    }

    /**
     * Adds a node; returns its number. By the writer.
     *
     * @param sketch copied
     * @param beam of the writer
     */
    int add(long[] sketch, Beam beam) {
        int node = size;
        int layer = randomLayer();
        HeapNodes now = withRoomFor(node, layer);
        System.arraycopy(sketch, 0, now.sketches, now.sketchAt(node), words);
        // Nothing is allocated from here on: a node is added as a whole or not at all.
        beam.start(efConstruction, expandable, node + 1);
        if (layer > 0) {
            now.upperAt[node] = upperUsed;
            upperUsed += layer * upperStride;
        }
        long top = head;
        size = node + 1;
        if (top < 0) {
            head = GraphWalk.head(node, layer);
            return node;
        }
        int first = Math.min(layer, GraphWalk.topLayer(top));
        int nearest = GraphWalk.greedy(now, sketch, top, first, neighbours);
        beam.meet(nearest);
        beam.offer(now.distance(nearest, sketch), nearest);
        for (int l = first; l >= 0; l--) {
            if (l == 0) {
                GraphWalk.scout(now, sketch, node, beam);
            }
            GraphWalk.walk(now, sketch, l, beam, neighbours);
            linkFrom(now, node, l, beam);
            if (l > 0) {
                beam.descend(efConstruction);
            }
        }
        for (int l = 0; l <= first; l++) {
            linkTo(now, node, l);
        }
        if (layer > GraphWalk.topLayer(top)) {
            head = GraphWalk.head(node, layer);
        }
        return node;
    }

    private int randomLayer() {
        double uniform = 1 - random.nextDouble();
        return Math.min(MAX_LAYER, (int) (-Math.log(uniform) / Math.log(m)));
    }

    private HeapNodes withRoomFor(int node, int layer) {
        HeapNodes now = nodes;
        int capacity = now.capacity();
        int upperNeeded = upperUsed + layer * upperStride;
        int upperLength = now.upper.length;
        if (node < capacity && upperNeeded <= upperLength) {
            return now;
        }
        int room =
                node < capacity ? capacity : Math.min(Beam.MAX_NODES, capacity + Math.max(64, capacity / GROWTH_SHARE));
        HeapNodes grown =
                now.grown(room, upperNeeded > upperLength ? Math.max(upperNeeded, upperLength * 3 / 2) : upperLength);
        nodes = grown;
        return grown;
    }

    /** Writes a new node's links on a layer, to the selected nodes of the beam; nothing leads to it yet. */
    private void linkFrom(HeapNodes now, int node, int layer, Beam beam) {
        int count = select(now, beam, m);
        int[] links = now.links(layer);
        int at = now.linksAt(node, layer);
        int parent = layer == 0 ? parent(now, node, beam) : NONE;
        boolean selectedParent = false;
        for (int i = 0; i < count; i++) {
            boolean isParent = selected[i] == parent;
            selectedParent |= isParent;
            INTS.setRelease(links, at + i, isParent ? parent | TREE : selected[i]);
        }
        if (parent != NONE && !selectedParent) {
            INTS.setRelease(links, at + count, parent | TREE);
        }
    }

    /** Links the neighbours of a new node on a layer to it. */
    private void linkTo(HeapNodes now, int node, int layer) {
        int[] links = now.links(layer);
        int at = now.linksAt(node, layer);
        int max = maxLinks(layer);
        for (int i = 0; i < max && links[at + i] != NONE; i++) {
            int link = links[at + i];
            linkBack(now, link & NODE_MASK, node | link & TREE, layer, links, max);
        }
    }

    /** The nearest node that may have one more child; the one that came just before has no child yet. */
    private int parent(HeapNodes now, int node, Beam beam) {
        int max = Math.max(2, baseStride / TREE_SHARE);
        for (int i = 0; i < beam.size(); i++) {
            if (treeLinks(now, beam.node(i)) < max) {
                return beam.node(i);
            }
        }
        return node - 1;
    }

    private int treeLinks(HeapNodes now, int node) {
        int at = now.linksAt(node, 0);
        int count = 0;
        for (int i = 0; i < baseStride && now.base[at + i] != NONE; i++) {
            count += Nodes.treeShare(now.base[at + i]);
        }
        return count;
    }

    private int maxLinks(int layer) {
        return layer == 0 ? 2 * m : m;
    }

    /** Links a node to a new one, and drops the link that it can do best without when it has too many. */
    private void linkBack(HeapNodes now, int from, int to, int layer, int[] links, int max) {
        int at = now.linksAt(from, layer);
        int count = 0;
        while (count < max && links[at + count] != NONE) {
            count++;
        }
        if (count < max) {
            INTS.setRelease(links, at + count, to);
            return;
        }
        int kept = 0;
        int others = 0;
        for (int i = 0; i <= max; i++) {
            int link = i < max ? links[at + i] : to;
            if ((link & TREE) != 0) {
                selected[kept++] = link & NODE_MASK;
            } else {
                candidates[others++] = entry(now, from, link);
            }
        }
        int tree = kept;
        Arrays.sort(candidates, 0, others);
        for (int i = 0; i < others && kept < max; i++) {
            int candidate = candidates[i] & NODE_MASK;
            if (isDiverse(now, candidate, candidates[i] >>> DISTANCE_SHIFT, kept)) {
                selected[kept++] = candidate;
            }
        }
        for (int i = 0; i < max; i++) {
            INTS.setRelease(links, at + i, i < tree ? selected[i] | TREE : i < kept ? selected[i] : NONE);
        }
    }

    private int entry(HeapNodes now, int from, int node) {
        int distance = Rotation.distance(now.sketches, now.sketchAt(from), now.sketches, now.sketchAt(node), words);
        return distance << DISTANCE_SHIFT | node;
    }

    /** Algorithm 4 of the paper: those of the beam that are nearer to the new node than to each other. */
    private int select(HeapNodes now, Beam beam, int max) {
        int kept = 0;
        for (int i = 0; i < beam.size() && kept < max; i++) {
            if (isDiverse(now, beam.node(i), beam.distance(i), kept)) {
                selected[kept++] = beam.node(i);
            }
        }
        return kept;
    }

    private boolean isDiverse(HeapNodes now, int candidate, int distance, int kept) {
        long[] sketches = now.sketches;
        int at = now.sketchAt(candidate);
        for (int i = 0; i < kept; i++) {
            if (Rotation.distance(sketches, at, sketches, now.sketchAt(selected[i]), words) < distance) {
                return false;
            }
        }
        return true;
    }

    /** As {@link GraphWalk#search}; by any thread. */
    void search(long[] sketch, int ef, Beam beam, Neighbours scratch) {
        long top = head;
        int count = size; // before the arrays: they have room for so many
        GraphWalk.search(nodes, top, count, sketch, ef, beam, scratch);
    }
}
