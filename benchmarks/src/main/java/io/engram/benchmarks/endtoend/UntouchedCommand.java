package io.engram.benchmarks.endtoend;

import io.engram.benchmarks.Machine;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Recall in spaces that nobody has read since they were written, in turns with a thousand others. */
@Command(
        name = "untouched",
        description = "Recall in spaces that nobody has read yet, the page cache dropped before each, and warm.",
        mixinStandardHelpOptions = true)
public final class UntouchedCommand implements Callable<Integer> {
    private static final int WARM_UP = 2_000;

    @Spec
    private CommandSpec spec;

    private BenchmarkRun bench;

    @Option(names = "--spaces", description = "Written in turns; default ${DEFAULT-VALUE}.", defaultValue = "1000")
    private int spaces;

    @Option(names = "--memories", description = "In each; default ${DEFAULT-VALUE}.", defaultValue = "100")
    private int memories;

    @Option(names = "--dimension", description = "Of the vectors; default ${DEFAULT-VALUE}.", defaultValue = "768")
    private int dimension;

    @Option(names = "--content", description = "Bytes of each content; default ${DEFAULT-VALUE}.", defaultValue = "200")
    private int content;

    @Option(names = "--probes", description = "Spaces that are read; default ${DEFAULT-VALUE}.", defaultValue = "100")
    private int probes;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A setting of the instance; may be repeated.")
    private List<String> settings = List.of();

    @Override
    public Integer call() throws IOException, InterruptedException {
        bench = new BenchmarkRun(spec);
        return bench.run(false, directory -> {
            try (Setup setup = Setup.start(directory);
                    ServedInstance instance = setup.serve("untouched", settings, "")) {
                run(setup, instance);
            }
        });
    }

    private void run(Setup setup, ServedInstance instance) throws IOException, InterruptedException {
        Workload workload = new Workload(EndToEndCommand.PARTITIONS, spaces, dimension, content);
        List<String> all = workload.spaces();
        LoadRun load = setup.load(instance, workload, dimension);
        bench.progress("%,d observations into %,d spaces", (long) all.size() * memories, all.size());
        double rate = load.saturate("load", all.size() * memories).rate();
        Completeness.require(instance, load.sent());
        Recaller recaller = new Recaller(instance.url(), workload);
        // The way is warm and the spaces are not: the last ones are read for that, again and again.
        for (int i = 0; i < WARM_UP; i++) {
            ask(recaller, all.get(all.size() - 1 - i % 8), workload.query(i));
        }
        List<Double> dropped = new ArrayList<>();
        List<Double> warm = new ArrayList<>();
        for (int i = 0; i < Math.min(probes, all.size() - 8); i++) {
            PageCache.drop();
            dropped.add(ask(recaller, all.get(i), workload.query(i)));
            warm.add(ask(recaller, all.get(i), workload.query(i + 1)));
        }
        PrintWriter out = spec.commandLine().getOut();
        out.println(Machine.describe());
        out.printf(
                Locale.ROOT,
                "%,d spaces of %,d memories of %d dimensions and %d bytes, %,.0f/s; %d spaces read once each, and once more.%n",
                all.size(),
                memories,
                dimension,
                content,
                rate,
                dropped.size());
        out.printf(
                Locale.ROOT,
                "page cache dropped: p50 %.1f, p99 %.1f ms%n",
                quantile(dropped, 0.5),
                quantile(dropped, 0.99));
        out.printf(
                Locale.ROOT, "warm:               p50 %.1f, p99 %.1f ms%n", quantile(warm, 0.5), quantile(warm, 0.99));
        out.flush();
    }

    private static double quantile(List<Double> ms, double quantile) {
        return Phase.quantile(ms, quantile);
    }

    private double ask(Recaller recaller, String space, float[] query) throws IOException, InterruptedException {
        long start = System.nanoTime();
        int found = recaller.ids(space, query).size();
        double ms = (System.nanoTime() - start) / 1e6;
        if (found != Math.min(memories, Recaller.K)) {
            throw new BenchmarkException("a recall in " + space + " found " + found + " memories");
        }
        return ms;
    }
}
