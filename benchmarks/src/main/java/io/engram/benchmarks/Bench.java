package io.engram.benchmarks;

import io.engram.app.cli.ExitCodes;
import io.engram.app.cli.ServeCommand;
import io.engram.benchmarks.endtoend.EndToEndCommand;
import io.engram.benchmarks.endtoend.LargeCommand;
import io.engram.benchmarks.endtoend.LoadCommand;
import io.engram.benchmarks.endtoend.OneSpaceCommand;
import io.engram.benchmarks.endtoend.SpacesCommand;
import io.engram.benchmarks.endtoend.UnindexedEngine;
import io.engram.benchmarks.endtoend.UntouchedCommand;
import io.engram.benchmarks.index.IndexCommand;
import java.util.Locale;
import picocli.CommandLine;

/** {@code ./engram bench}. */
public final class Bench {
    private Bench() {}

    public static void main(String[] arguments) {
        Locale.setDefault(Locale.ROOT);
        System.exit(new CommandLine(new EndToEndCommand())
                .setCommandName("engram bench")
                .addSubcommand(new IndexCommand())
                .addSubcommand(new SpacesCommand())
                .addSubcommand(new UntouchedCommand())
                .addSubcommand(new LargeCommand())
                .addSubcommand(new OneSpaceCommand())
                .addSubcommand(new LoadCommand())
                .addSubcommand("serve-unindexed", new ServeCommand((config, executor) -> new UnindexedEngine()))
                .setExecutionExceptionHandler(ExitCodes::report)
                .setParameterExceptionHandler(ExitCodes::usage)
                .execute(arguments));
    }
}
