package io.engram.index.sketch;

/**
 * Entries of an index, numbered from 0, and the graph over them once there are enough: in the heap while more come
 * ({@link OpenSegment}), in a mapped file from then on ({@link SealedSegment}). Searches need no lock.
 */
abstract class Segment {
    /** Up to this many entries an exact scan is as quick as a walk. */
    static final int SCAN_THRESHOLD = 1_000;

    /** A search whose beam would hold more than this share of the entries scans instead. */
    private static final int SCAN_SHARE = 4;

    private static final int WIDEN = 2;

    /** Entries between two looks at whether the search is over. */
    private static final int LOOK_EVERY = 256;

    private static final int FAR_SHARE = 10;

    /** The end of a beam is so many standard deviations of a distance behind the best of it, or the beam widens. */
    private static final double DEVIATIONS = 3;

    private final Rotation rotation;

    Segment(Rotation rotation) {
        this.rotation = rotation;
    }

    /** Entries, dead ones included. */
    abstract int size();

    /** Entries that are removed or replaced. */
    abstract int dead();

    abstract String id(int ordinal);

    abstract long generation(int ordinal);

    /** What a step of the entry's codes is worth. */
    abstract float step(int ordinal);

    /** True until the entry is removed or replaced. */
    abstract boolean isLive(int ordinal);

    /** The entry is removed or replaced. By any thread. */
    abstract void kill(int ordinal);

    /** True when the entry's codes are those of this vector. */
    abstract boolean matches(int ordinal, float[] unit);

    /** What the heap holds of it, in bytes. */
    abstract long memoryBytes();

    abstract boolean hasGraph();

    /** Fills the beam of {@code scratch} with the nodes nearest to its sketch; only when there is a graph. */
    abstract void walk(int ef, Scratch scratch);

    /** The integer dot product of a query's codes and an entry's. */
    abstract int dot(short[] query, int ordinal, Scratch scratch);

    /**
     * Offers the nearest entries to the candidates of a search. By any thread.
     *
     * <p>The beam widens while too few of its nodes may be returned, or while the nearest of them lie so far back in it that
     * more are likely to lie behind: sketches cannot tell the members of a very tight cluster apart. Once the search is over,
     * what was found so far is offered.
     *
     * @param ef beam width
     * @param wanted entries that this segment is expected to contribute, 1 or more
     */
    final void search(Query query, int ef, int wanted, Scratch scratch, Candidates candidates, int slot) {
        int entries = size();
        int live = entries - dead();
        query.enter(entries);
        if (entries > SCAN_THRESHOLD && hasGraph()) {
            rotation.sketch(query.rotated(rotation), scratch.sketch());
            for (int width = ef; width <= Math.max(ef, entries / SCAN_SHARE); width *= WIDEN) {
                int found = collect(query, width, scratch);
                if (query.isOver()
                        || found >= Math.min(query.request().k(), live) && isSettled(found, wanted, scratch)) {
                    for (int i = 0; i < found; i++) {
                        candidates.offer(scratch.similarities()[i], slot, scratch.admitted()[i]);
                    }
                    return;
                }
            }
        }
        scan(query, entries, scratch, candidates, slot);
    }

    /** Collects the nodes of the beam that may be returned, nearest sketch first, and their similarities. */
    private int collect(Query query, int ef, Scratch scratch) {
        walk(ef, scratch);
        Beam beam = scratch.beam();
        scratch.ensureAdmitted(beam.size());
        int count = 0;
        for (int i = 0; i < beam.size(); i++) {
            int ordinal = beam.node(i);
            if (isLive(ordinal) && query.admits(this, ordinal)) {
                scratch.admitted()[count] = ordinal;
                scratch.distances()[count] = beam.distance(i);
                scratch.similarities()[count++] = similarity(query, ordinal, scratch);
            }
        }
        return count;
    }

    /**
     * True when hardly any of the best can lie behind the beam: at most a tenth of those that it holds, and at most one of few,
     * are in its farther half; and its end is farther away than the best of it by more than sketches err. The distance of two
     * sketches is the sum of as many coins as they have bits.
     */
    private boolean isSettled(int found, int wanted, Scratch scratch) {
        int best = Math.min(Math.max(wanted, FAR_SHARE), found);
        if (best == 0) {
            return true;
        }
        Beam beam = scratch.beam();
        float least = scratch.greatest(found, best);
        int far = 0;
        int count = 0;
        double distances = 0;
        for (int i = 0; i < found; i++) {
            if (scratch.similarities()[i] >= least) {
                far += i >= found / 2 ? 1 : 0;
                count++;
                distances += scratch.distances()[i];
            }
        }
        double mean = distances / count;
        double deviation = Math.sqrt(mean * (1 - mean / (rotation.words() * Long.SIZE)));
        return far <= Math.max(1, best / FAR_SHARE) && beam.distance(beam.size() - 1) - mean >= DEVIATIONS * deviation;
    }

    private void scan(Query query, int entries, Scratch scratch, Candidates candidates, int slot) {
        for (int ordinal = 0; ordinal < entries; ordinal++) {
            if (ordinal % LOOK_EVERY == 0 && query.isOver()) {
                return;
            }
            if (isLive(ordinal) && query.admits(this, ordinal)) {
                candidates.offer(similarity(query, ordinal, scratch), slot, ordinal);
            }
        }
    }

    private float similarity(Query query, int ordinal, Scratch scratch) {
        return dot(query.codes(), ordinal, scratch) * query.step() * step(ordinal);
    }
}
