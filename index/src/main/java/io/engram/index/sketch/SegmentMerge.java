package io.engram.index.sketch;

import io.engram.index.DamagedIndexException;
import io.engram.index.HnswParameters;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/**
 * The live entries of several sealed segments as one, with a graph that is built in one go. After some from all over, entries
 * that are near each other are inserted one after the other, so that the processor's cache holds what an insert touches, and
 * lie side by side in the file.
 * Takes heap for sketches and links only, until the file is written. For one thread.
 */
final class SegmentMerge implements SegmentWriter.Entries {
    /** Entries are near each other when the same of so many is nearest to them. */
    private static final int PIVOTS = 64;

    /** One entry in so many is inserted first, in no order: links between places far apart come of it. */
    private static final int SEED_SHARE = 16;

    private static final int RANDOM_BITS = 24;

    /** Inserts between two looks at whether the merge is to end. */
    private static final int LOOK_EVERY = 256;

    private final List<SealedSegment> sources;
    private final int dimension;
    private final Rotation rotation;
    private final HnswParameters parameters;
    private final long[] origins; // source : 32 │ ordinal : 32

    private SegmentMerge(
            List<SealedSegment> sources, int dimension, Rotation rotation, HnswParameters parameters, long[] origins) {
        this.sources = sources;
        this.dimension = dimension;
        this.rotation = rotation;
        this.parameters = parameters;
        this.origins = origins;
    }

    /**
     * What is live at this moment.
     *
     * @throws DamagedIndexException when the file of one of the sources is damaged
     */
    static SegmentMerge of(List<SealedSegment> sources, int dimension, Rotation rotation, HnswParameters parameters)
            throws DamagedIndexException {
        int most = 0;
        for (SealedSegment source : sources) {
            source.verify();
            most += source.size();
        }
        long[] origins = new long[most];
        int count = 0;
        for (int source = 0; source < sources.size(); source++) {
            for (int ordinal = 0; ordinal < sources.get(source).size(); ordinal++) {
                if (sources.get(source).isLive(ordinal)) {
                    origins[count++] = (long) source << 32 | ordinal;
                }
            }
        }
        return new SegmentMerge(sources, dimension, rotation, parameters, Arrays.copyOf(origins, count));
    }

    /**
     * Builds the graph, and puts the entries in the order of its nodes. None when there are too few for one.
     *
     * @param isOver asked now and then: once it is true, the graph is left as it is
     */
    Optional<HammingGraph.Saved> graph(Scratch scratch, BooleanSupplier isOver) {
        if (origins.length <= Segment.SCAN_THRESHOLD) {
            return Optional.empty();
        }
        order(scratch);
        HammingGraph graph = new HammingGraph(rotation.words(), parameters, dimension, origins.length);
        for (int i = 0; i < origins.length; i++) {
            if (i % LOOK_EVERY == 0 && isOver.getAsBoolean()) {
                break;
            }
            sketch(i, scratch);
            graph.add(scratch.sketch(), scratch.beam());
        }
        return Optional.of(graph.save(true));
    }

    private void order(Scratch scratch) {
        int words = rotation.words();
        long[] pivots = new long[PIVOTS * words];
        for (int pivot = 0; pivot < PIVOTS; pivot++) {
            sketch((int) ((long) pivot * origins.length / PIVOTS), scratch);
            System.arraycopy(scratch.sketch(), 0, pivots, pivot * words, words);
        }
        SplittableRandom random = new SplittableRandom(origins.length);
        long[] order =
                new long[origins.length]; // 0, or nearest pivot and 1 : 8 │ random : 24 │ place among the origins : 32
        for (int i = 0; i < order.length; i++) {
            if (i % SEED_SHARE == 0) {
                order[i] = (long) random.nextInt(1 << RANDOM_BITS) << Integer.SIZE | i;
            } else {
                sketch(i, scratch);
                order[i] = nearest(pivots, scratch.sketch()) + 1L << Integer.SIZE + RANDOM_BITS | i;
            }
        }
        Arrays.sort(order);
        long[] before = origins.clone();
        for (int i = 0; i < order.length; i++) {
            origins[i] = before[(int) order[i]];
        }
    }

    private static int nearest(long[] pivots, long[] sketch) {
        int nearest = 0;
        int least = Integer.MAX_VALUE;
        for (int pivot = 0; pivot < PIVOTS; pivot++) {
            int distance = Rotation.distance(pivots, pivot * sketch.length, sketch, 0, sketch.length);
            if (distance < least) {
                nearest = pivot;
                least = distance;
            }
        }
        return nearest;
    }

    /** The sketch that the source has, or one of the codes where it has no graph. */
    private void sketch(int i, Scratch scratch) {
        SealedSegment source = source(i);
        if (source.hasGraph()) {
            source.sketch(ordinal(i), scratch.sketch());
            return;
        }
        byte[] codes = scratch.codes(dimension);
        source.codes(ordinal(i), 1, codes);
        float[] unit = new float[dimension];
        for (int component = 0; component < dimension; component++) {
            unit[component] = codes[component] * source.step(ordinal(i));
        }
        rotation.rotate(unit, scratch.rotated());
        rotation.sketch(scratch.rotated(), scratch.sketch());
    }

    private SealedSegment source(int i) {
        return sources.get((int) (origins[i] >>> 32));
    }

    private int ordinal(int i) {
        return (int) origins[i];
    }

    /** Marks what has died in the sources since; changes must wait meanwhile. */
    void catchUp(SealedSegment merged) {
        for (int i = 0; i < origins.length; i++) {
            if (!source(i).isLive(ordinal(i))) {
                merged.kill(i);
            }
        }
    }

    @Override
    public int size() {
        return origins.length;
    }

    @Override
    public byte[] id(int i) {
        return source(i).utf8(ordinal(i));
    }

    @Override
    public long generation(int i) {
        return source(i).generation(ordinal(i));
    }

    @Override
    public float step(int i) {
        return source(i).step(ordinal(i));
    }

    @Override
    public void codes(int i, byte[] codes) {
        source(i).codes(ordinal(i), 1, codes);
    }
}
