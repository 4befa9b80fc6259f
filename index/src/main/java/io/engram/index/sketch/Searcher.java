package io.engram.index.sketch;

import io.engram.index.Hit;
import io.engram.index.SearchRequest;
import io.engram.index.VectorSource;
import io.engram.index.Vectors;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Searches segments together: candidates by their codes, the last of them by the original vectors. Thread-safe. */
final class Searcher {
    /** Candidates that may be compared exactly: so many for each one wanted, and so many besides. */
    private static final int EXACT_SHARE = 8;

    private static final int EXACT_MORE = 120;

    /** The narrowest beam in one of several segments. */
    private static final int MIN_EF = 30;

    private final int dimension;
    private final VectorSource source;
    private final ScratchPool scratches;

    /**
     * @param dimension of the vectors
     * @param source of the original vectors
     * @param scratches of this dimension
     */
    Searcher(int dimension, VectorSource source, ScratchPool scratches) {
        this.dimension = dimension;
        this.source = source;
        this.scratches = scratches;
    }

    /**
     * The nearest entries, best first.
     *
     * @param segments of one moment
     * @param live entries in all of them
     * @throws IllegalArgumentException when the query has another dimension, is zero or not finite
     */
    List<Hit> search(SearchRequest request, Segment[] segments, int live) {
        Query query = new Query(request, Vectors.normalised(request.vector(), dimension));
        Candidates candidates = new Candidates(Math.max(1, Math.min(EXACT_SHARE * request.k() + EXACT_MORE, live + 1)));
        int ef = Math.max(request.k(), beamWidth(request.accuracy(), segments.length));
        // Twice an even share: one segment may hold more of the nearest than another.
        int wanted = segments.length <= 1 ? request.k() : 2 * request.k() / segments.length + 1;
        Scratch scratch = scratches.borrow();
        try {
            for (int slot = 0; slot < segments.length && !query.isOver(); slot++) {
                segments[slot].search(query, ef, wanted, scratch, candidates, slot);
            }
        } finally {
            scratches.back(scratch);
        }
        candidates.sort();
        float least = leastToCompare(candidates, request.k(), segments);
        List<Hit> hits = new ArrayList<>(Math.min(candidates.size(), 2 * request.k()));
        for (int i = candidates.size() - 1; i >= 0 && candidates.similarity(i) >= least; i--) {
            Segment segment = segments[candidates.slot(i)];
            String id = segment.id(candidates.ordinal(i));
            long generation = segment.generation(candidates.ordinal(i));
            hits.add(new Hit(id, generation, compared(query, id, generation, candidates.similarity(i))));
        }
        hits.sort(Hit.BEST_FIRST);
        return firstOfEachId(hits, request.k());
    }

    /**
     * Below this similarity nothing is among the k best. Rounding to steps is off by a uniform half step per component, by
     * step/√12 in a product with a vector of length 1, and √2 times that between two entries: a step is 2.4 deviations.
     */
    private static float leastToCompare(Candidates candidates, int k, Segment[] segments) {
        if (candidates.size() <= k) {
            return Float.NEGATIVE_INFINITY;
        }
        int last = candidates.size() - k;
        float step = segments[candidates.slot(last)].step(candidates.ordinal(last));
        return candidates.similarity(last) - step;
    }

    /** Each of several segments holds but a part of the nearest. */
    private static int beamWidth(int accuracy, int segments) {
        return segments <= 1 ? accuracy : Math.max(Math.min(accuracy, MIN_EF), (int) (accuracy / Math.sqrt(segments)));
    }

    /** The exact similarity while there is time, else the estimate. */
    private float compared(Query query, String id, long generation, float estimate) {
        return query.isOver() ? estimate : exact(query, id, generation, estimate);
    }

    private float exact(Query query, String id, long generation, float estimate) {
        Optional<float[]> vector = query.request().originals().orElse(source).vector(id, generation);
        return vector.isPresent() && vector.get().length == dimension
                ? Vectors.cosineToUnit(query.unit(), vector.get())
                : Math.max(-1f, Math.min(1f, estimate));
    }

    /** While an entry is being replaced, the old one and the new one are both live. */
    private static List<Hit> firstOfEachId(List<Hit> hits, int k) {
        Set<String> seen = new HashSet<>();
        List<Hit> first = new ArrayList<>(Math.min(k, hits.size()));
        for (Hit hit : hits) {
            if (first.size() < k && seen.add(hit.id())) {
                first.add(hit);
            }
        }
        return first;
    }
}
