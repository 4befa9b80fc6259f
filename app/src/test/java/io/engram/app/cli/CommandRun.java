package io.engram.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.app.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.stream.Stream;

/** What a command of the command line came to, run in this JVM. */
public record CommandRun(int exit, String out, String err) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    public static CommandRun of(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exit = Main.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(arguments);
        return new CommandRun(exit, out.toString(), err.toString());
    }

    /** With {@code --set} before each of the settings. */
    public static CommandRun with(List<String> settings, String... arguments) {
        return of(Stream.concat(Stream.of(arguments), settings.stream().flatMap(setting -> Stream.of("--set", setting)))
                .toArray(String[]::new));
    }

    public JsonNode json() throws IOException {
        return MAPPER.readTree(out);
    }
}
