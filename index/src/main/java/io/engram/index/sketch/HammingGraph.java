package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * A Hierarchical Navigable Small World graph (Malkov and Yashunin, IEEE TPAMI 2018) over bit sketches and the Hamming
 * distance. Nodes are numbered in the order in which they come; there is no object per node.
 *
 * <pre>
 * sketches   padding, then w words per node
 * base       padding, then per node: 2M neighbours, behind the last one -1     (base layer)
 *            a neighbour: 1 for a link of the tree, in bit 30 │ node : 17
 * upperAt    per node: where its upper layers begin in upper, or -1
 * upper      per layer above the base: M neighbours, behind the last one -1
 * head       entry node and highest layer, in one long
 * </pre>
 *
 * <p>Two things hold it together whatever comes in whatever order. Every node of the base layer has a parent that was there
 * before it, linked both ways, and these links are never dropped: a tree. Otherwise the members of a tight cluster, copies of
 * one vector above all, would keep links to each other only. And a walk of the base layer starts from some nodes all over
 * the graph as well, and from the latest: a cluster that fills the beam has no way out.
 *
 * <p>One writer at a time; readers need no lock and never wait. A node is linked from others only after its own sketch and
 * links are written, each link with release and read with acquire; a list that is being rewritten shows a mix of old and
 * new neighbours, all of them real nodes, or ends early. Arrays grow by copying: a reader that still holds the old ones sees the graph
 * as it was.
 */
final class HammingGraph {
    private static final VarHandle INTS = MethodHandles.arrayElementVarHandle(int[].class);
    private static final int NONE = -1;

    /**
     * Longs before the first sketch. A large array begins at a cache line with a header of 16 bytes; with 48 more each sketch
     * lies in as few lines as it can.
     */
    private static final int PAD = 6;

    /** The same for links, in ints. */
    private static final int LINK_PAD = 2 * PAD;

    /** Of the beam of an insert, five eighths are expanded: beyond them hardly a neighbour is found that is kept. */
    private static final int EXPANDED_EIGHTHS = 5;

    private static final int LINE_WORDS = 8;

    /** Room grows by a third: what is not used yet takes memory, and what was too small is garbage. */
    private static final int GROWTH_SHARE = 3;

    private static final int FIRST_CAPACITY = 256;
    private static final int MAX_LAYER = 12;
    private static final int DISTANCE_SHIFT = 17;

    /** The mark of a link that is never dropped. */
    private static final int TREE_BIT = 30;

    private static final int TREE = 1 << TREE_BIT;

    private static final int NODE_MASK = Beam.MAX_NODES - 1;

    /** Of the links of a node, at most one in so many belongs to the tree. */
    private static final int TREE_SHARE = 4;

    /** Nodes all over the graph that a walk looks at first: so many, or up to twice as many. */
    private static final int SCOUTS = 48;

    /** The latest nodes that a walk looks at first. */
    private static final int LATEST = 16;

    /** The arrays that belong together. */
    record Flat(long[] sketches, int[] base, int[] upperAt, int[] upper) {}

    private final int words;
    private final int m;
    private final int efConstruction;
    private final int expandable;
    private final int baseStride;
    private final int upperStride;
    private final SplittableRandom random;
    private final int[] selected;
    private final int[] candidates;
    private final int[] fresh;
    private int upperUsed;
    private volatile Flat flat;
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
        this.fresh = new int[2 * m + 1];
        int nodes = Math.max(FIRST_CAPACITY, expected);
        this.flat = new Flat(
                new long[PAD + nodes * words], filled(LINK_PAD + nodes * baseStride), filled(nodes), filled(nodes));
    }

    private static int[] filled(int length) {
        return extended(new int[0], length);
    }

    /** A copy, with nothing in what is new. */
    private static int[] extended(int[] array, int length) {
        int[] copy = Arrays.copyOf(array, length);
        Arrays.fill(copy, array.length, length, NONE);
        return copy;
    }

    /**
     * The graph that {@link Saved#write} wrote.
     *
     * @throws IOException when the bytes are no graph with these parameters
     */
    static HammingGraph read(int words, HnswParameters parameters, long seed, DataInputStream in) throws IOException {
        int nodes = in.readInt();
        long head = in.readLong();
        int upperUsed = in.readInt();
        if (nodes < 1 || nodes > Beam.MAX_NODES || upperUsed < 0 || head < 0 || head >>> 32 >= nodes) {
            throw new IOException("impossible graph of " + nodes + " nodes, entry " + (head >>> 32));
        }
        HammingGraph graph = new HammingGraph(words, parameters, seed + nodes, 0);
        Flat flat = new Flat(
                new long[PAD + nodes * words],
                new int[LINK_PAD + nodes * graph.baseStride],
                new int[nodes],
                filled(Math.max(upperUsed, graph.upperStride)));
        ArrayIo io = new ArrayIo();
        io.read(in, flat.sketches, PAD, nodes * words);
        io.read(in, flat.base, LINK_PAD, nodes * graph.baseStride);
        io.read(in, flat.upperAt, 0, nodes);
        io.read(in, flat.upper, 0, upperUsed);
        graph.upperUsed = upperUsed;
        graph.flat = flat;
        graph.size = nodes;
        graph.head = head;
        return graph;
    }

    /**
     * A graph at one moment.
     *
     * @param flat its links do not change any more
     */
    record Saved(int nodes, long head, int upperUsed, int words, int baseStride, Flat flat) {
        void write(DataOutputStream out) throws IOException {
            out.writeInt(nodes);
            out.writeLong(head);
            out.writeInt(upperUsed);
            ArrayIo io = new ArrayIo();
            io.write(out, flat.sketches, PAD, nodes * words);
            io.write(out, flat.base, LINK_PAD, nodes * baseStride);
            io.write(out, flat.upperAt, 0, nodes);
            io.write(out, flat.upper, 0, upperUsed);
        }
    }

    /**
     * What is to be saved: sketches are shared, for they never change, links are copied. By the writer.
     *
     * @param complete true when no node will be added any more, so that links can be shared as well
     */
    Saved save(boolean complete) {
        Flat now = flat;
        int nodes = size;
        Flat saved = complete
                ? now
                : new Flat(
                        now.sketches,
                        Arrays.copyOf(now.base, LINK_PAD + nodes * baseStride),
                        now.upperAt,
                        Arrays.copyOf(now.upper, upperUsed));
        return new Saved(nodes, head, upperUsed, words, baseStride, saved);
    }

    /** Nodes in the graph. */
    int size() {
        return size;
    }

    long memoryBytes() {
        Flat now = flat;
        return 8L * now.sketches.length + 4L * (now.base.length + now.upperAt.length + now.upper.length);
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
        Flat now = withRoomFor(node, layer);
        System.arraycopy(sketch, 0, now.sketches, PAD + node * words, words);
        // Nothing is allocated from here on: a node is added as a whole or not at all.
        beam.start(efConstruction, expandable, node + 1);
        if (layer > 0) {
            now.upperAt[node] = upperUsed;
            upperUsed += layer * upperStride;
        }
        long top = head;
        size = node + 1;
        if (top < 0) {
            head = head(node, layer);
            return node;
        }
        int entry = (int) (top >>> 32);
        int topLayer = (int) top;
        int nearest = greedy(now, sketch, entry, topLayer, Math.min(layer, topLayer));
        beam.meet(node); // never its own neighbour
        beam.meet(nearest);
        beam.offer(distance(now, nearest, sketch), nearest);
        for (int l = Math.min(layer, topLayer); l >= 0; l--) {
            if (l == 0) {
                scout(now, sketch, node, beam);
            }
            walk(now, sketch, l, beam, fresh);
            link(now, node, l, beam);
            if (l > 0) {
                beam.descend(efConstruction);
                beam.meet(node);
            }
        }
        if (layer > topLayer) {
            head = head(node, layer);
        }
        return node;
    }

    private static long head(int node, int layer) {
        return (long) node << 32 | layer;
    }

    private int randomLayer() {
        double uniform = 1 - random.nextDouble();
        return Math.min(MAX_LAYER, (int) (-Math.log(uniform) / Math.log(m)));
    }

    private Flat withRoomFor(int node, int layer) {
        Flat now = flat;
        int capacity = now.upperAt.length;
        int upperNeeded = upperUsed + layer * upperStride;
        if (node < capacity && upperNeeded <= now.upper.length) {
            return now;
        }
        int nodes =
                node < capacity ? capacity : Math.min(Beam.MAX_NODES, capacity + Math.max(64, capacity / GROWTH_SHARE));
        boolean more = nodes > capacity;
        // The upper links are copied whenever the nodes are: whoever holds the old arrays must not meet a node beyond
        // them.
        Flat grown = new Flat(
                more ? Arrays.copyOf(now.sketches, PAD + nodes * words) : now.sketches,
                more ? extended(now.base, LINK_PAD + nodes * baseStride) : now.base,
                more ? extended(now.upperAt, nodes) : now.upperAt,
                extended(
                        now.upper,
                        upperNeeded > now.upper.length
                                ? Math.max(upperNeeded, now.upper.length * 3 / 2)
                                : now.upper.length));
        flat = grown;
        return grown;
    }

    private int distance(Flat now, int node, long[] sketch) {
        return Rotation.distance(now.sketches, PAD + node * words, sketch, 0, words);
    }

    private int linksAt(Flat now, int node, int layer) {
        return layer == 0 ? LINK_PAD + node * baseStride : now.upperAt[node] + (layer - 1) * upperStride;
    }

    /** Walks downhill on each layer above {@code toLayer}. */
    private int greedy(Flat now, long[] sketch, int entry, int fromLayer, int toLayer) {
        int nearest = entry;
        int nearestDistance = distance(now, entry, sketch);
        for (int layer = fromLayer; layer > toLayer; layer--) {
            boolean moved = true;
            while (moved) {
                moved = false;
                int at = linksAt(now, nearest, layer);
                for (int i = 0; i < m; i++) {
                    int node = (int) INTS.getAcquire(now.upper, at + i);
                    if (node == NONE) {
                        break;
                    }
                    int distance = distance(now, node, sketch);
                    if (distance < nearestDistance) {
                        nearest = node;
                        nearestDistance = distance;
                        moved = true;
                    }
                }
            }
        }
        return nearest;
    }

    /** Offers some nodes from all over the graph, and the latest. */
    private void scout(Flat now, long[] sketch, int nodes, Beam beam) {
        int stride = Integer.highestOneBit(Math.max(1, nodes / SCOUTS));
        int best = nearest(now, sketch, 0, nodes, stride);
        int latest = nearest(now, sketch, Math.max(0, nodes - LATEST), nodes, 1);
        meetAndOffer(now, sketch, best, beam);
        meetAndOffer(now, sketch, latest, beam);
    }

    private int nearest(Flat now, long[] sketch, int from, int to, int stride) {
        int nearest = from;
        int nearestDistance = Integer.MAX_VALUE;
        for (int node = from; node < to; node += stride) {
            int distance = distance(now, node, sketch);
            if (distance < nearestDistance) {
                nearest = node;
                nearestDistance = distance;
            }
        }
        return nearest;
    }

    private void meetAndOffer(Flat now, long[] sketch, int node, Beam beam) {
        if (beam.meet(node)) {
            beam.offer(distance(now, node, sketch), node);
        }
    }

    /** Expands the beam on one layer until there is nothing left to expand. */
    private void walk(Flat now, long[] sketch, int layer, Beam beam, int[] freshNodes) {
        int[] links = layer == 0 ? now.base : now.upper;
        long[] sketches = now.sketches;
        int sketchWords = words;
        int max = maxLinks(layer);
        for (int expanded = beam.next(); expanded >= 0; expanded = beam.next()) {
            int at = linksAt(now, expanded, layer);
            int met = 0;
            for (int i = 0; i < max; i++) {
                int link = (int) INTS.getAcquire(links, at + i);
                if (link == NONE) {
                    break;
                }
                int node = link & NODE_MASK;
                if (beam.meet(node)) {
                    freshNodes[met++] = node;
                }
            }
            touch(sketches, freshNodes, met);
            int bound = beam.bound();
            for (int i = 0; i < met; i++) {
                int node = freshNodes[i];
                int distance = Rotation.distance(sketches, PAD + node * sketchWords, sketch, 0, sketchWords);
                if (distance < bound) {
                    beam.offer(distance, node);
                    bound = beam.bound();
                }
            }
        }
    }

    /**
     * Reads a word of each cache line, before anything waits for one: the processor fetches them side by side instead of one
     * after the other. What was read goes behind the nodes, so that the compiler does not leave it out.
     */
    private void touch(long[] sketches, int[] nodes, int count) {
        int sketchWords = words;
        long touched = 0;
        for (int i = 0; i < count; i++) {
            int first = PAD + nodes[i] * sketchWords;
            for (int w = 0; w < sketchWords; w += LINE_WORDS) {
                touched ^= sketches[first + w];
            }
        }
        nodes[count] = (int) touched;
    }

    /** Links a new node on a layer: from it to the selected nodes of the beam, then back. */
    private void link(Flat now, int node, int layer, Beam beam) {
        int count = select(now, beam, m);
        int[] links = layer == 0 ? now.base : now.upper;
        int at = linksAt(now, node, layer);
        int parent = layer == 0 ? parent(now, node, beam) : NONE;
        boolean selectedParent = false;
        for (int i = 0; i < count; i++) {
            boolean isParent = selected[i] == parent;
            selectedParent |= isParent;
            INTS.setRelease(links, at + i, isParent ? parent | TREE : selected[i]);
        }
        if (parent != NONE && !selectedParent) {
            INTS.setRelease(links, at + count++, parent | TREE);
        }
        int max = maxLinks(layer);
        // selected is reused below
        for (int i = 0; i < count; i++) {
            int link = links[at + i];
            linkBack(now, link & NODE_MASK, node | link & TREE, layer, links, max);
        }
    }

    /** The nearest node that may have one more child; the one that came just before has no child yet. */
    private int parent(Flat now, int node, Beam beam) {
        int max = Math.max(2, baseStride / TREE_SHARE);
        for (int i = 0; i < beam.size(); i++) {
            if (treeLinks(now, beam.node(i)) < max) {
                return beam.node(i);
            }
        }
        return node - 1;
    }

    private int treeLinks(Flat now, int node) {
        int at = linksAt(now, node, 0);
        int count = 0;
        for (int i = 0; i < baseStride && now.base[at + i] != NONE; i++) {
            count += now.base[at + i] >>> TREE_BIT;
        }
        return count;
    }

    private int maxLinks(int layer) {
        return layer == 0 ? 2 * m : m;
    }

    /** Links a node to a new one, and drops the link that it can do best without when it has too many. */
    private void linkBack(Flat now, int from, int to, int layer, int[] links, int max) {
        int at = linksAt(now, from, layer);
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

    private int entry(Flat now, int from, int node) {
        int distance = Rotation.distance(now.sketches, PAD + from * words, now.sketches, PAD + node * words, words);
        return distance << DISTANCE_SHIFT | node;
    }

    /** Algorithm 4 of the paper: those of the beam that are nearer to the new node than to each other. */
    private int select(Flat now, Beam beam, int max) {
        int kept = 0;
        for (int i = 0; i < beam.size() && kept < max; i++) {
            if (isDiverse(now, beam.node(i), beam.distance(i), kept)) {
                selected[kept++] = beam.node(i);
            }
        }
        return kept;
    }

    private boolean isDiverse(Flat now, int candidate, int distance, int kept) {
        long[] sketches = now.sketches;
        int at = PAD + candidate * words;
        for (int i = 0; i < kept; i++) {
            if (Rotation.distance(sketches, at, sketches, PAD + selected[i] * words, words) < distance) {
                return false;
            }
        }
        return true;
    }

    /**
     * Fills the beam with the nodes nearest to a sketch, as far as the walk finds them. By any thread.
     *
     * @param ef beam width, 1 or more
     * @param freshNodes scratch of {@link #maxLinks}
     */
    void search(long[] sketch, int ef, Beam beam, int[] freshNodes) {
        long top = head;
        int nodes = size; // before the arrays: they have room for so many
        Flat now = flat;
        beam.start(ef, now.upperAt.length);
        if (top < 0) {
            return;
        }
        int nearest = greedy(now, sketch, (int) (top >>> 32), (int) top, 0);
        beam.meet(nearest);
        beam.offer(distance(now, nearest, sketch), nearest);
        // The last node may not be linked yet.
        scout(now, sketch, Math.max(1, nodes - 1), beam);
        walk(now, sketch, 0, beam, freshNodes);
    }

    /** Room that a walk needs for neighbours, and one more. */
    int maxLinks() {
        return 2 * m + 1;
    }
}
