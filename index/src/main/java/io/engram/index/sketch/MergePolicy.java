package io.engram.index.sketch;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Which sealed segments become one: the smallest of a size once there are enough of them, and those of which much is dead. So
 * an entry is written once for each size that a segment grows through, and a search meets a bounded number of segments: fewer
 * than {@code fanIn} of each size, and of the largest size as many as hold all entries at half of what a segment may hold.
 *
 * @param fanIn segments of a size that become one, 2 or more
 * @param maxEntries that a merged segment may have
 * @param maxBytes that the file of a merged segment may have
 */
record MergePolicy(int fanIn, int maxEntries, long maxBytes) {
    /** Four of those that are sealed when they are full make one. */
    static final MergePolicy DEFAULT = new MergePolicy(4, 250_000, 3L << 29);

    /** Below this many entries segments are of one size. */
    private static final int LEAST = 1_000;

    /** A segment is written anew when more than one entry in this many is dead. */
    private static final int DEAD_SHARE = 4;

    MergePolicy {
        if (fanIn < 2 || maxEntries < 1 || maxEntries > Beam.MAX_NODES || maxBytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "impossible merges: of " + fanIn + " to " + maxEntries + " entries, " + maxBytes + " bytes");
        }
    }

    /**
     * A sealed segment.
     *
     * @param entries in it, dead ones included
     * @param dead entries
     * @param bytes of its file
     */
    record Candidate(int entries, int dead, long bytes) {
        int live() {
            return entries - dead;
        }

        /** What its live entries will take. */
        long liveBytes() {
            return bytes * live() / entries;
        }
    }

    /** Numbers of the candidates that are to become one segment; none when there is nothing to do. */
    List<Integer> choose(List<Candidate> candidates) {
        for (int i = 0; i < candidates.size(); i++) {
            if (candidates.get(i).dead() > candidates.get(i).entries() / DEAD_SHARE) {
                return List.of(i);
            }
        }
        List<Integer> ascending = new ArrayList<>();
        for (int i = 0; i < candidates.size(); i++) {
            ascending.add(i);
        }
        ascending.sort(Comparator.comparingInt(i -> candidates.get(i).live()));
        for (int from = 0; from < ascending.size(); ) {
            int size = size(candidates.get(ascending.get(from)).live());
            int to = from;
            while (to < ascending.size()
                    && size(candidates.get(ascending.get(to)).live()) == size) {
                to++;
            }
            if (to - from >= fanIn) {
                List<Integer> fitting = fitting(ascending.subList(from, from + fanIn), candidates);
                if (fitting.size() > 1) {
                    return fitting;
                }
            }
            from = to;
        }
        return List.of();
    }

    private int size(int entries) {
        int size = 0;
        for (long limit = LEAST; entries > limit; limit *= fanIn) {
            size++;
        }
        return size;
    }

    private List<Integer> fitting(List<Integer> ascending, List<Candidate> candidates) {
        List<Integer> fitting = new ArrayList<>();
        long entries = 0;
        long bytes = 0;
        for (int i : ascending) {
            entries += candidates.get(i).live();
            bytes += candidates.get(i).liveBytes();
            if (entries > maxEntries || bytes > maxBytes) {
                break;
            }
            fitting.add(i);
        }
        return fitting;
    }
}
