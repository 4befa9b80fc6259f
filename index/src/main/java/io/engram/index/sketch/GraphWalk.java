package io.engram.index.sketch;

/**
 * How a graph is searched: downhill on the layers above the base, then with a beam. The same for graphs in the heap, of which
 * one is being built, and in files. Stateless.
 */
final class GraphWalk {
    /** Nodes all over the graph that a walk looks at first: at least so many, but of a small graph. */
    private static final int SCOUTS = 48;

    /** And one of so many at least: a large graph has many clusters, and a walk that begins in a wrong one may not leave it. */
    private static final int SCOUT_STRIDE = 256;

    /** The latest nodes that a walk looks at first. */
    private static final int LATEST = 16;

    private GraphWalk() {}

    /** The entry node and highest layer of a graph in one long; negative for a graph without a node. */
    static long head(int node, int layer) {
        return (long) node << 32 | layer;
    }

    static int entry(long head) {
        return (int) (head >>> 32);
    }

    static int topLayer(long head) {
        return (int) head;
    }

    /**
     * Fills the beam with the nodes nearest to a sketch, as far as the walk finds them.
     *
     * @param size nodes in the graph; the last one may not be linked yet
     * @param ef beam width, 1 or more
     */
    static void search(Nodes nodes, long head, int size, long[] sketch, int ef, Beam beam, Neighbours scratch) {
        beam.start(ef, nodes.capacity());
        if (head < 0) {
            return;
        }
        int nearest = greedy(nodes, sketch, head, 0, scratch);
        beam.meet(nearest);
        beam.offer(nodes.distance(nearest, sketch), nearest);
        scout(nodes, sketch, Math.max(1, size - 1), beam);
        walk(nodes, sketch, 0, beam, scratch);
    }

    /** Walks downhill on each layer above {@code toLayer}. */
    static int greedy(Nodes nodes, long[] sketch, long head, int toLayer, Neighbours scratch) {
        int nearest = entry(head);
        int nearestDistance = nodes.distance(nearest, sketch);
        for (int layer = topLayer(head); layer > toLayer; layer--) {
            boolean moved = true;
            while (moved) {
                moved = false;
                int count = nodes.neighbours(nearest, layer, scratch.nodes());
                for (int i = 0; i < count; i++) {
                    int node = scratch.nodes()[i];
                    int distance = nodes.distance(node, sketch);
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
    static void scout(Nodes nodes, long[] sketch, int size, Beam beam) {
        int stride = Integer.highestOneBit(Math.max(1, Math.min(SCOUT_STRIDE, size / SCOUTS)));
        meetAndOffer(nodes, sketch, nearest(nodes, sketch, 0, size, stride), beam);
        meetAndOffer(nodes, sketch, nearest(nodes, sketch, Math.max(0, size - LATEST), size, 1), beam);
    }

    private static int nearest(Nodes nodes, long[] sketch, int from, int to, int stride) {
        int nearest = from;
        int nearestDistance = Integer.MAX_VALUE;
        for (int node = from; node < to; node += stride) {
            int distance = nodes.distance(node, sketch);
            if (distance < nearestDistance) {
                nearest = node;
                nearestDistance = distance;
            }
        }
        return nearest;
    }

    private static void meetAndOffer(Nodes nodes, long[] sketch, int node, Beam beam) {
        if (beam.meet(node)) {
            beam.offer(nodes.distance(node, sketch), node);
        }
    }

    /** Expands the beam on one layer until there is nothing left to expand. */
    static void walk(Nodes nodes, long[] sketch, int layer, Beam beam, Neighbours scratch) {
        int[] fresh = scratch.nodes();
        int[] distances = scratch.distances();
        for (int expanded = beam.next(); expanded >= 0; expanded = beam.next()) {
            int count = nodes.neighbours(expanded, layer, fresh);
            int met = 0;
            for (int i = 0; i < count; i++) {
                int node = fresh[i];
                if (beam.meet(node)) {
                    fresh[met++] = node;
                }
            }
            nodes.distances(fresh, met, sketch, distances);
            int bound = beam.bound();
            for (int i = 0; i < met; i++) {
                if (distances[i] < bound) {
                    beam.offer(distances[i], fresh[i]);
                    bound = beam.bound();
                }
            }
        }
    }
}
