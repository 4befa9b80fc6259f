package io.engram.benchmarks.endtoend;

import io.engram.benchmarks.Machine;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The rows of {@link OneSpace} by themselves. */
@Command(
        name = "one-space",
        description = "Recall over HTTP in one space: idle and warm, and the first ones after a restart.",
        mixinStandardHelpOptions = true)
public final class OneSpaceCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--memories", description = "In the space; default ${DEFAULT-VALUE}.", defaultValue = "100000")
    private int memories;

    @Option(names = "--dimension", description = "Of the vectors; default ${DEFAULT-VALUE}.", defaultValue = "768")
    private int dimension;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A setting of the instance; may be repeated.")
    private List<String> settings = List.of();

    @Option(names = "--java-options", description = "Flags for the JVM of the instance.", defaultValue = "")
    private String javaOptions;

    @Option(names = "--keep", description = "Keep logs and state of the processes.")
    private boolean keep;

    @Override
    public Integer call() throws IOException, InterruptedException {
        BenchmarkRun bench = new BenchmarkRun(spec);
        return bench.run(keep, directory -> {
            try (Setup setup = Setup.start(directory)) {
                OneSpace measured = OneSpace.measure(
                        setup, memories, dimension, settings, javaOptions, text -> bench.progress("%s", text));
                PrintWriter out = spec.commandLine().getOut();
                out.println(Machine.describe());
                measured.lines().forEach(out::println);
                out.flush();
            }
        });
    }
}
