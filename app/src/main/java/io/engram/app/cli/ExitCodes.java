package io.engram.app.cli;

import io.engram.app.errors.StartupException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import org.apache.kafka.common.config.ConfigException;
import picocli.CommandLine;

/** How commands end: a message on standard error and a documented code, never a wall of stack trace. */
public final class ExitCodes {
    public static final int OK = 0;
    public static final int FAILED = 1;
    public static final int USAGE = 2;
    public static final int UNREACHABLE = 3;

    private ExitCodes() {}

    /** The broker or the instance cannot be reached. */
    static final class UnreachableException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        UnreachableException(String message) {
            super(message);
        }
    }

    /** The input or an answer is not what it should be. */
    static final class CommandFailedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        CommandFailedException(String message) {
            super(message);
        }
    }

    /** Reports an exception of a command. */
    public static int report(Exception e, CommandLine command, CommandLine.ParseResult parsed) {
        PrintWriter err = command.getErr();
        if (e.getCause() instanceof ConfigException cause) {
            err.println("engram: configuration: " + cause.getMessage());
            return USAGE;
        }
        if (e instanceof ConfigException) {
            err.println("engram: configuration: " + e.getMessage());
            return USAGE;
        }
        if (e instanceof UnreachableException) {
            err.println("engram: " + e.getMessage());
            return UNREACHABLE;
        }
        if (e instanceof StartupException || e instanceof CommandFailedException) {
            err.println("engram: " + e.getMessage());
            return FAILED;
        }
        if (e instanceof IOException || e instanceof UncheckedIOException) {
            err.println("engram: " + e);
            return FAILED;
        }
        e.printStackTrace(err);
        return FAILED;
    }

    /** Reports wrong usage. */
    public static int usage(CommandLine.ParameterException e, String[] args) {
        PrintWriter err = e.getCommandLine().getErr();
        err.println("engram: " + e.getMessage());
        if (!CommandLine.UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("Try 'engram " + pathOf(e.getCommandLine()) + "--help'.");
        }
        return USAGE;
    }

    private static String pathOf(CommandLine command) {
        return command.getParent() == null ? "" : command.getCommandName() + " ";
    }
}
