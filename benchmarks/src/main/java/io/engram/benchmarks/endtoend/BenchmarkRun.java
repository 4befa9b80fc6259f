package io.engram.benchmarks.endtoend;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;

/** A run of a command: its directory, what it says meanwhile, and the rows of the table that it prints. Not thread-safe. */
final class BenchmarkRun {
    private final CommandSpec spec;
    private final List<String> rows = new ArrayList<>();

    BenchmarkRun(CommandSpec spec) {
        this.spec = spec;
    }

    /** What a command does in a directory of its own. */
    interface Work {
        void in(Path directory) throws IOException, InterruptedException;
    }

    /**
     * Does it in a new directory, which is deleted afterwards unless the work fails.
     *
     * @param keep true to leave the directory where it is
     * @return exit code: 1 when the work failed
     */
    int run(boolean keep, Work work) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("engram-bench-");
        progress("in %s", directory);
        try {
            work.in(directory);
        } catch (BenchmarkException e) {
            spec.commandLine().getErr().println("engram bench: " + e.getMessage() + "\nlogs are in " + directory);
            return 1;
        }
        if (keep) {
            progress("logs and state are in %s", directory);
        } else {
            Setup.delete(directory);
        }
        return 0;
    }

    /** Says on standard error how far it is. */
    void progress(String format, Object... values) {
        PrintWriter err = spec.commandLine().getErr();
        err.println(String.format(Locale.ROOT, format, values));
        err.flush();
    }

    /** Adds a row to the table, and says it. */
    void row(String name, String format, Object... values) {
        String line = "| " + name + " | " + String.format(Locale.ROOT, format, values) + " |";
        rows.add(line);
        progress("%s", line);
    }

    /** The table of all rows, Markdown. */
    void printTable(PrintWriter out) {
        out.println("| | |\n|---|---|");
        rows.forEach(out::println);
    }
}
