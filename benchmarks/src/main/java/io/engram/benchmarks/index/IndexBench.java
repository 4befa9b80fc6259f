package io.engram.benchmarks.index;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.index.HnswParameters;
import io.engram.index.hnswlib.HnswlibEngine;
import io.engram.index.sketch.SketchEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Inserts per second of one thread as an index grows, then searches and their recall@10, for each engine over the same
 * vectors in the same run.
 *
 * <pre>
 * IndexBench [--count N] [--dimension D] [--only NAME] [--base FILE --queries FILE] [--json FILE]
 * </pre>
 */
public final class IndexBench {
    private static final int K = 10;
    private static final int EF = 100;
    private static final int MIN_RECALL_PERCENT = 80;
    private static final long SEED = 20_26;

    private IndexBench() {}

    /** What one engine did. */
    private record Result(
            String name,
            Map<Integer, Double> insertsPerSecond,
            double mean,
            double recall,
            double p50Ms,
            double p99Ms) {}

    /** Makes a fresh contender: the first one of each only warms up. */
    private interface Maker {
        Contender make() throws IOException;
    }

    public static void main(String[] arguments) throws IOException {
        Map<String, String> options = options(arguments);
        int count = Integer.parseInt(options.getOrDefault("--count", "50000"));
        int dimension = Integer.parseInt(options.getOrDefault("--dimension", "768"));
        VectorSet vectors = options.containsKey("--base")
                ? VectorSet.of(Path.of(options.get("--base")), Path.of(options.get("--queries")))
                : VectorSet.clustered(count, dimension, SEED);
        int used = Math.min(count, vectors.base().length);
        ExactNeighbours exact = new ExactNeighbours(vectors, used, K);
        System.out.printf("%s: %,d vectors, M=16, efConstruction=100, one thread%n%n", vectors.name(), used);
        ArrayNode report = new ObjectMapper().createArrayNode();
        HnswParameters parameters = HnswParameters.DEFAULT;
        List<Maker> makers = List.of(
                () -> new EngramContender(new SketchEngine(parameters, Runnable::run), vectors),
                () -> new EngramContender(new HnswlibEngine(parameters, Runnable::run), vectors),
                () -> new LuceneContender(parameters),
                () -> new JVectorContender(parameters, vectors.dimension()));
        System.out.println("| engine | inserts/s, by count | mean | recall@10 | search p50 | p99 |");
        System.out.println("|---|---|---|---|---|---|");
        for (Maker maker : makers) {
            try (Contender contender = maker.make()) {
                if (contender.name().contains(options.getOrDefault("--only", ""))) {
                    warmUp(maker, vectors, Math.min(used, 10_000));
                    report.add(print(measure(contender, vectors, used, exact)));
                }
            }
        }
        if (options.containsKey("--json")) {
            Files.writeString(Path.of(options.get("--json")), report.toPrettyString());
        }
    }

    private static Map<String, String> options(String[] arguments) {
        if (arguments.length % 2 != 0) {
            throw new IllegalArgumentException("options come in pairs: " + String.join(" ", arguments));
        }
        Map<String, String> options = new LinkedHashMap<>();
        for (int i = 0; i < arguments.length; i += 2) {
            options.put(arguments[i], arguments[i + 1]);
        }
        return options;
    }

    private static void warmUp(Maker maker, VectorSet vectors, int count) throws IOException {
        try (Contender contender = maker.make()) {
            for (int i = 0; i < count; i++) {
                contender.add(i, vectors.base()[i]);
            }
            for (float[] query : vectors.queries()) {
                contender.search(query, K, EF);
            }
        }
    }

    private static Result measure(Contender contender, VectorSet vectors, int count, ExactNeighbours exact)
            throws IOException {
        Map<Integer, Double> rates = new LinkedHashMap<>();
        int step = Math.max(1, count / 5);
        long start = System.nanoTime();
        long last = start;
        for (int i = 0; i < count; i++) {
            contender.add(i, vectors.base()[i]);
            if ((i + 1) % step == 0) {
                long now = System.nanoTime();
                rates.put(i + 1, step * 1e9 / (now - last));
                last = now;
            }
        }
        double mean = count * 1e9 / (System.nanoTime() - start);
        int[][] found = new int[vectors.queries().length][];
        double[] tookMs = new double[found.length];
        for (int pass = 0; pass < 2; pass++) {
            for (int q = 0; q < found.length; q++) {
                long from = System.nanoTime();
                found[q] = contender.search(vectors.queries()[q], K, EF);
                tookMs[q] = (System.nanoTime() - from) / (double) TimeUnit.MILLISECONDS.toNanos(1);
            }
        }
        Arrays.sort(tookMs);
        double recall = exact.recall(found);
        if (recall * 100 < MIN_RECALL_PERCENT) {
            throw new IllegalStateException(contender.name() + " lost its way: recall@10 " + recall);
        }
        return new Result(
                contender.name(), rates, mean, recall, tookMs[tookMs.length / 2], tookMs[tookMs.length * 99 / 100]);
    }

    private static ObjectNode print(Result result) {
        StringBuilder rates = new StringBuilder();
        ObjectNode json = new ObjectMapper().createObjectNode().put("engine", result.name());
        ObjectNode byCount = json.putObject("inserts_per_second");
        result.insertsPerSecond().forEach((count, rate) -> {
            rates.append(String.format("%,d: %,.0f  ", count, rate));
            byCount.put(Integer.toString(count), rate);
        });
        json.put("mean", result.mean())
                .put("recall_at_10", result.recall())
                .put("search_p50_ms", result.p50Ms())
                .put("search_p99_ms", result.p99Ms());
        System.out.printf(
                "| %s | %s| %,.0f | %.3f | %.2f ms | %.2f ms |%n",
                result.name(), rates, result.mean(), result.recall(), result.p50Ms(), result.p99Ms());
        return json;
    }
}
