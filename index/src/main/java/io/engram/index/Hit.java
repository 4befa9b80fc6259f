package io.engram.index;

import java.util.Comparator;

/**
 * One entry found.
 *
 * @param id its id
 * @param generation the generation that was compared
 * @param similarity cosine similarity to the query, -1 to 1
 */
public record Hit(String id, long generation, float similarity) {
    /** Most similar first; ids break ties, so that equal searches give equal answers. */
    public static final Comparator<Hit> BEST_FIRST =
            Comparator.comparingDouble((Hit hit) -> -hit.similarity).thenComparing(Hit::id);
}
