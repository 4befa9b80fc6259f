package io.engram.app;

import io.engram.app.capacity.CapacityCommand;
import io.engram.app.cli.BrokerCommand;
import io.engram.app.cli.ConfigCommand;
import io.engram.app.cli.ExitCodes;
import io.engram.app.cli.Logs;
import io.engram.app.cli.ObserveCommand;
import io.engram.app.cli.RecallCommand;
import io.engram.app.cli.RefillCommand;
import io.engram.app.cli.ReplayCommand;
import io.engram.app.cli.ServeCommand;
import io.engram.app.cli.SnapshotCommand;
import io.engram.app.cli.StatusCommand;
import io.engram.app.cli.VerifyCommand;
import io.engram.app.demo.DemoCommand;
import io.engram.app.lifecycle.EngramApplication;
import java.util.Locale;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The command line. */
@Command(
        name = "engram",
        description = "Streaming memory: observations in through Kafka, recalled over HTTP milliseconds later.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        subcommands = {
            DemoCommand.class,
            ServeCommand.class,
            BrokerCommand.class,
            ObserveCommand.class,
            RecallCommand.class,
            StatusCommand.class,
            CapacityCommand.class,
            ReplayCommand.class,
            SnapshotCommand.class,
            VerifyCommand.class,
            RefillCommand.class,
            ConfigCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "1:failed, see the message",
            "2:wrong usage or configuration",
            "3:the broker or the instance cannot be reached"
        },
        footer = {"", "'engram bench' is a module of its own and measures this machine; see 'engram bench --help'."})
public final class Main {
    private static final Set<String> LOGGING_COMMANDS = Set.of("serve", "broker");

    private Main() {}

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"engram " + EngramApplication.version()};
        }
    }

    /** The parsed command line, ready to execute. */
    public static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpWidth(100)
                .setExecutionExceptionHandler(ExitCodes::report)
                .setParameterExceptionHandler(ExitCodes::usage);
    }

    public static void main(String[] args) {
        // Names, numbers and Kafka's own settings do not depend on where this runs: some languages have other capitals
        // and other digits.
        Locale.setDefault(Locale.ROOT);
        // Before anything logs: only the servers' output is their log.
        if (args.length == 0 || !LOGGING_COMMANDS.contains(args[0])) {
            Logs.quiet();
        }
        System.exit(commandLine().execute(args));
    }
}
