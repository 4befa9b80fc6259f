package io.engram.benchmarks.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Finds the highest rate that an instance sustains, and what it is like at half of it and at four fifths. */
@Command(
        name = "end-to-end",
        description = "Broker, instance and load generator as processes: rate, latency, CPU, memory, recall@10.",
        mixinStandardHelpOptions = true)
public final class EndToEndCommand implements Callable<Integer> {
    static final int PARTITIONS = 8;
    private static final int SERIAL_RECALLS = 200;
    private static final double HIGH_LOAD = 0.8;
    private static final double HALF_LOAD = 0.5;

    @Spec
    private CommandSpec spec;

    private BenchmarkRun bench;

    @Option(names = "--quick", description = "Fewer observations and shorter loads: under three minutes.")
    private boolean quick;

    @Option(names = "--count", description = "Observations of the saturating load; default 150000, with --quick 40000.")
    private Optional<Integer> count = Optional.empty();

    @Option(names = "--seconds", description = "Length of each steady load; default 45, with --quick 10.")
    private Optional<Integer> seconds = Optional.empty();

    @Option(names = "--dimension", description = "Of the vectors; default ${DEFAULT-VALUE}.", defaultValue = "768")
    private int dimension;

    @Option(names = "--spaces", description = "Per partition; default ${DEFAULT-VALUE}.", defaultValue = "1")
    private int spaces;

    @Option(
            names = "--one-space",
            description =
                    "Memories of the space that is recalled from right after restarts; default 100000, with --quick"
                            + " 20000; 0 leaves that out.")
    private Optional<Integer> oneSpace = Optional.empty();

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A setting of the instance; may be repeated.")
    private List<String> settings = List.of();

    @Option(names = "--markdown", paramLabel = "FILE", description = "Where the report goes as Markdown, too.")
    private Optional<Path> markdown = Optional.empty();

    @Option(names = "--json", paramLabel = "FILE", description = "Where the report goes as JSON.")
    private Optional<Path> json = Optional.empty();

    @Option(names = "--jfr", paramLabel = "FILE", description = "Record the instance with JDK Flight Recorder.")
    private Optional<Path> jfr = Optional.empty();

    @Option(names = "--keep", description = "Keep logs and state of the processes.")
    private boolean keep;

    @Override
    public Integer call() throws IOException, InterruptedException {
        bench = new BenchmarkRun(spec);
        return bench.run(keep, directory -> {
            try (Setup setup = Setup.start(directory)) {
                print(run(setup));
            }
        });
    }

    private void print(Report report) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        out.println(report.toMarkdown());
        out.flush();
        if (markdown.isPresent()) {
            Files.writeString(markdown.get(), report.toMarkdown());
        }
        if (json.isPresent()) {
            JsonNode tree = report.toJson();
            Files.writeString(json.get(), tree.toPrettyString());
        }
    }

    private Report run(Setup setup) throws IOException, InterruptedException {
        Workload workload = new Workload(PARTITIONS, PARTITIONS * spaces, dimension);
        int saturating = count.orElse(quick ? 40_000 : 150_000);
        int length = seconds.orElse(quick ? 10 : 45);
        int inOneSpace = oneSpace.orElse(quick ? 20_000 : 100_000);
        Optional<OneSpace> rows = inOneSpace == 0
                ? Optional.empty()
                : Optional.of(OneSpace.measure(
                        setup, inOneSpace, dimension, settings, "", text -> bench.progress("%s", text)));
        Phase ceiling;
        try (ServedInstance bare = setup.serve(List.of("bench", "serve-unindexed"), "ceiling", settings, "")) {
            LoadRun load = setup.load(bare, workload, dimension);
            ceiling = saturated(load, "without an index", saturating);
            Completeness.require(bare, load.sent());
        }
        String recording = jfr.map(
                        file -> "-XX:StartFlightRecording=settings=profile,filename=" + file.toAbsolutePath())
                .orElse("");
        List<Phase> phases = new ArrayList<>();
        try (ServedInstance instance = setup.serve("indexed", settings, recording)) {
            LoadRun load = setup.load(instance, workload, dimension);
            Phase highest = saturated(load, "highest rate", saturating);
            phases.add(highest);
            for (double share : new double[] {HIGH_LOAD, HALF_LOAD}) {
                double rate = share * highest.rate();
                bench.progress("%.0f %%: %,.0f observations/s for %d s", share * 100, rate, length);
                phases.add(
                        load.steady(String.format(Locale.ROOT, "%.0f %%", share * 100), (int) (rate * length), rate));
            }
            bench.progress("idle: %d recalls", SERIAL_RECALLS);
            List<Double> idle = load.recaller().serial(SERIAL_RECALLS);
            bench.progress("checking that all %,d are there, and recall@10", load.sent());
            Completeness.require(instance, load.sent());
            Completeness.requireConsistent(instance);
            double recall = Completeness.recall(workload, load.recaller(), load.sent());
            return new Report(dimension, PARTITIONS, ceiling, phases, idle, rows, recall, load.sent());
        }
    }

    private Phase saturated(LoadRun load, String name, int saturating) throws IOException, InterruptedException {
        bench.progress("%s: warming up with %,d observations", name, saturating);
        load.saturate("warm-up", saturating);
        bench.progress("%s: %,d observations", name, saturating);
        Phase phase = load.saturate(name, saturating);
        bench.progress("%s: %,.0f observations/s", name, phase.rate());
        return phase;
    }
}
