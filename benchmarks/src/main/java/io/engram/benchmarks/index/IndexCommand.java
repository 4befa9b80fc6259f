package io.engram.benchmarks.index;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.benchmarks.Machine;
import io.engram.index.HnswParameters;
import io.engram.index.hnswlib.HnswlibEngine;
import io.engram.index.sketch.SketchEngine;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Our engines and their peers over the same vectors, on the same machine, in the same run. */
@Command(
        name = "index",
        description = "Index engines side by side: inserts, searches, recall@10, heap, disk, commit and reopening.",
        mixinStandardHelpOptions = true)
public final class IndexCommand implements Callable<Integer> {
    private static final long SEED = 20_26;
    private static final List<Integer> CHECKPOINTS = List.of(10_000, 50_000, 100_000, 1_000_000);

    @Spec
    private CommandSpec spec;

    @Option(names = "--count", description = "Generated vectors; default ${DEFAULT-VALUE}.", defaultValue = "100000")
    private int count;

    @Option(
            names = "--dimension",
            description = "Of generated vectors; default ${DEFAULT-VALUE}.",
            defaultValue = "768")
    private int dimension;

    @Option(
            names = "--only",
            paramLabel = "NAME",
            description = "Engines whose name contains this: sketch, engram, hnswlib-core, Lucene, JVector.",
            defaultValue = "")
    private String only;

    @Option(
            names = "--base",
            paramLabel = "FILE",
            description = "Vectors instead of generated ones: .fvecs, .fbin, .bin, or observations as .jsonl.gz.")
    private Optional<Path> base = Optional.empty();

    @Option(
            names = "--queries",
            paramLabel = "FILE",
            description = "Queries to go with --base; without it 200 of its vectors.")
    private Optional<Path> queries = Optional.empty();

    @Option(names = "--json", paramLabel = "FILE", description = "Where the report goes as JSON.")
    private Optional<Path> json = Optional.empty();

    @Override
    public Integer call() throws IOException, InterruptedException {
        VectorSet vectors =
                base.isPresent() ? VectorSet.of(base.get(), queries) : VectorSet.clustered(count, dimension, SEED);
        int all = vectors.base().length;
        List<Integer> checkpoints = Stream.concat(
                        CHECKPOINTS.stream().filter(checkpoint -> checkpoint < all), Stream.of(all))
                .toList();
        ExactNeighbours exact = new ExactNeighbours(vectors, Trial.K);
        PrintWriter out = spec.commandLine().getOut();
        line(out, "%s", Machine.describe());
        line(
                out,
                "%s: %,d vectors, %d dimensions; %s, ef %d; one thread inserts.",
                vectors.name(),
                all,
                vectors.dimension(),
                HnswParameters.DEFAULT,
                Trial.EF);
        line(out, "");
        line(
                out,
                "| engine | inserts/s by count | mean | recall@10 | search p50 / p99 | while inserting | heap B a vector | disk B a"
                        + " vector | commit / reopen | two writers |");
        line(out, "|---|---|---|---|---|---|---|---|---|---|");
        ObjectNode report = new ObjectMapper().createObjectNode();
        report.put("machine", Machine.describe()).put("vectors", vectors.name()).put("count", all);
        ArrayNode engines = report.putArray("engines");
        for (Trial.Maker maker : makers(vectors)) {
            if (name(maker).contains(only)) {
                Trial.Result result = new Trial(vectors, exact, maker).run(checkpoints);
                line(out, "%s", row(result));
                engines.add(toJson(result));
            }
        }
        if (json.isPresent()) {
            Files.writeString(json.get(), report.toPrettyString());
        }
        return 0;
    }

    private static List<Trial.Maker> makers(VectorSet vectors) {
        HnswParameters parameters = HnswParameters.DEFAULT;
        return List.of(
                () -> new EngramContender(executor -> new SketchEngine(parameters, executor), vectors),
                () -> new EngramContender(executor -> new HnswlibEngine(parameters, executor), vectors),
                () -> new HnswlibContender(parameters, vectors.dimension(), vectors.base().length),
                () -> new LuceneContender(parameters),
                () -> new JVectorContender(parameters, vectors.dimension()));
    }

    private static String name(Trial.Maker maker) throws IOException {
        try (Contender contender = maker.make()) {
            return contender.name();
        }
    }

    private static void line(PrintWriter out, String format, Object... values) {
        out.println(String.format(Locale.ROOT, format, values));
        out.flush();
    }

    private static String row(Trial.Result result) {
        StringBuilder rates = new StringBuilder();
        result.insertsPerSecond()
                .forEach((at, rate) -> rates.append(String.format(Locale.ROOT, "%,d: %,.0f ", at, rate)));
        return String.format(
                Locale.ROOT,
                "| %s | %s| %,.0f | %.3f | %s | %s | %,.1f | %s | %s | %s |",
                result.name(),
                rates,
                result.mean(),
                result.recall(),
                quantiles(result.idleMs()),
                result.besideMs().length == 0 ? "–" : quantiles(result.besideMs()),
                result.heapBytes(),
                figure("%,.0f", result.diskBytes()),
                result.commitSeconds().isEmpty()
                        ? "–"
                        : figure("%.2f", result.commitSeconds()) + " / " + figure("%.2f s", result.reopenSeconds()),
                figure("%.2f×", result.twoWriters()));
    }

    private static String figure(String format, OptionalDouble value) {
        return value.isPresent() ? String.format(Locale.ROOT, format, value.getAsDouble()) : "–";
    }

    private static String quantiles(double[] ascending) {
        return String.format(Locale.ROOT, "%.2f / %.2f ms", quantile(ascending, 0.5), quantile(ascending, 0.99));
    }

    private static double quantile(double[] ascending, double quantile) {
        return ascending[(int) Math.max(0, Math.ceil(quantile * ascending.length) - 1)];
    }

    private static ObjectNode toJson(Trial.Result result) {
        ObjectNode json = new ObjectMapper().createObjectNode().put("engine", result.name());
        ObjectNode rates = json.putObject("inserts_per_second");
        result.insertsPerSecond().forEach((at, rate) -> rates.put(Integer.toString(at), rate));
        json.put("inserts_per_second_mean", result.mean())
                .put("recall_at_10", result.recall())
                .put("heap_bytes_per_vector", result.heapBytes())
                .put("search_p50_ms", quantile(result.idleMs(), 0.5))
                .put("search_p99_ms", quantile(result.idleMs(), 0.99));
        if (result.besideMs().length > 0) {
            json.put("search_while_inserting_p50_ms", quantile(result.besideMs(), 0.5))
                    .put("search_while_inserting_p99_ms", quantile(result.besideMs(), 0.99));
        }
        put(json, "disk_bytes_per_vector", result.diskBytes());
        put(json, "commit_seconds", result.commitSeconds());
        put(json, "reopen_seconds", result.reopenSeconds());
        put(json, "two_writers_ratio", result.twoWriters());
        return json;
    }

    private static void put(ObjectNode json, String field, OptionalDouble value) {
        value.ifPresent(found -> json.put(field, found));
    }
}
