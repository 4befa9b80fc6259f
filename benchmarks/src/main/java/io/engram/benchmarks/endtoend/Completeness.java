package io.engram.benchmarks.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.index.Vectors;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Checks of the work that was timed: everything is there, once, and recall finds it. */
final class Completeness {
    private static final double MIN_RECALL = 0.9;
    private static final int SPACES = 2;
    private static final int QUERIES_PER_SPACE = 50;

    private Completeness() {}

    /** @throws BenchmarkException when anything sent is not stored and indexed, or anything was rejected */
    static void require(ServedInstance instance, long sent) throws IOException, InterruptedException {
        long rejected = instance.scrape().rejected();
        long stored = stored(instance);
        if (rejected != 0 || stored != sent) {
            throw new BenchmarkException(String.format(
                    Locale.ROOT, "work was dropped: sent %,d, stored %,d, rejected %,d", sent, stored, rejected));
        }
    }

    /** Memories in all spaces. */
    static long stored(ServedInstance instance) throws IOException, InterruptedException {
        long stored = 0;
        String after = "";
        do {
            JsonNode page = instance.client().get("/v1/spaces?limit=1000&after=" + after);
            for (JsonNode space : page.path("spaces")) {
                stored += space.path("count").asLong();
            }
            after = page.path("next").asText();
        } while (!after.isEmpty());
        return stored;
    }

    /** @throws BenchmarkException when store, index and changelog differ */
    static void requireConsistent(ServedInstance instance) throws InterruptedException {
        JsonNode verified = instance.client().postPatiently("/v1/verify");
        if (!verified.path("consistent").asBoolean()) {
            throw new BenchmarkException("store, index and changelog differ: " + verified);
        }
    }

    /**
     * Recall@10 over HTTP against a comparison with every vector that was sent.
     *
     * @throws BenchmarkException when it is below {@value #MIN_RECALL}
     */
    static double recall(Workload workload, Recaller recaller, long sent) throws IOException, InterruptedException {
        int found = 0;
        for (String space :
                workload.spaces().subList(0, Math.min(SPACES, workload.spaces().size()))) {
            List<float[]> queries = new ArrayList<>();
            for (int q = 0; q < QUERIES_PER_SPACE; q++) {
                queries.add(Vectors.normalised(workload.query(q)));
            }
            List<List<String>> nearest = exact(workload, workload.numbersOf(space, sent), queries);
            for (int q = 0; q < queries.size(); q++) {
                List<String> recalled = recaller.ids(space, queries.get(q));
                recalled.retainAll(nearest.get(q));
                found += recalled.size();
            }
        }
        double recall = found / (double) (SPACES * QUERIES_PER_SPACE * Recaller.K);
        if (recall < MIN_RECALL) {
            throw new BenchmarkException("recall@10 is " + recall);
        }
        return recall;
    }

    private static List<List<String>> exact(Workload workload, List<Long> numbers, List<float[]> queries) {
        float[][] similarities = new float[queries.size()][numbers.size()];
        for (int i = 0; i < numbers.size(); i++) {
            float[] vector = Vectors.normalised(workload.vector(numbers.get(i)));
            for (int q = 0; q < similarities.length; q++) {
                similarities[q][i] = Vectors.dot(queries.get(q), vector);
            }
        }
        List<List<String>> nearest = new ArrayList<>();
        for (float[] similarity : similarities) {
            nearest.add(java.util.stream.IntStream.range(0, similarity.length)
                    .boxed()
                    .sorted((a, b) -> Float.compare(similarity[b], similarity[a]))
                    .limit(Recaller.K)
                    .map(i -> Workload.id(numbers.get(i)))
                    .toList());
        }
        return nearest;
    }
}
