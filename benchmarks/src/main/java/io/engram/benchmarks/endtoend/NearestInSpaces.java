package io.engram.benchmarks.endtoend;

import io.engram.index.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The exact nearest of each query in its space: all vectors that were sent are made again, one at a time, and each is compared
 * with the queries of its space. Query {@code q} is asked in space {@code q} modulo their number.
 */
final class NearestInSpaces {
    private final Workload workload;
    private final int queries;
    private final List<Best> best;

    /** The k best similarities of a query so far, ascending. */
    private static final class Best {
        private final float[] unit;
        private final float[] similarities = new float[Recaller.K];
        private final long[] numbers = new long[Recaller.K];

        Best(float[] unit) {
            this.unit = unit;
            Arrays.fill(similarities, Float.NEGATIVE_INFINITY);
        }

        void offer(float similarity, long number) {
            int at = 0;
            while (at < similarities.length && similarities[at] < similarity) {
                if (at > 0) {
                    similarities[at - 1] = similarities[at];
                    numbers[at - 1] = numbers[at];
                }
                at++;
            }
            if (at > 0) {
                similarities[at - 1] = similarity;
                numbers[at - 1] = number;
            }
        }

        List<String> ids() {
            return Arrays.stream(numbers).mapToObj(Workload::id).toList();
        }
    }

    private NearestInSpaces(Workload workload, int queries) {
        this.workload = workload;
        this.queries = queries;
        this.best = IntStream.range(0, queries)
                .mapToObj(q -> new Best(Vectors.normalised(workload.query(q))))
                .toList();
    }

    /**
     * Compares on all processors.
     *
     * @param count observations that were sent: numbers below it; at least {@link Recaller#K} in each space
     * @param queries how many
     * @return ids of the {@link Recaller#K} nearest, per query, in no order
     */
    static List<List<String>> of(Workload workload, long count, int queries) {
        NearestInSpaces nearest = new NearestInSpaces(workload, queries);
        int spaces = workload.spaces().size();
        // A space is one thread's at a time.
        IntStream.range(0, spaces).parallel().forEach(space -> nearest.compare(space, count));
        return nearest.best.stream().map(Best::ids).toList();
    }

    private void compare(int space, long count) {
        int spaces = workload.spaces().size();
        List<Best> asked = new ArrayList<>();
        for (int q = space; q < queries; q += spaces) {
            asked.add(best.get(q));
        }
        for (long number = space; number < count; number += spaces) {
            float[] vector = workload.vector(number);
            float length = Vectors.length(vector);
            for (Best query : asked) {
                query.offer(Vectors.dot(query.unit, vector) / length, number);
            }
        }
    }
}
