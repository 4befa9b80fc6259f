package io.engram.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.config.EngramConfig;
import io.engram.app.state.StoppedReport;
import io.engram.app.state.StoppedState;
import io.engram.index.IndexEngine;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Compares store, index and changelog. */
@Command(
        name = "verify",
        description =
                "Compare RocksDB, index and changelog of a running instance (--url) or of a stopped one (--stopped).",
        mixinStandardHelpOptions = true,
        footer = {"", "Exit code 1 when anything differs and was not repaired."})
public final class VerifyCommand implements Callable<Integer> {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Spec
    private CommandSpec spec;

    @Mixin
    private InstanceOption instance;

    @Mixin
    private ConfigOptions options;

    @Option(names = "--stopped", description = "Look at state.dir itself; no instance may be using it.")
    private boolean stopped;

    @Option(
            names = "--rebuild",
            description =
                    "Running: have the index follow the store. Stopped: remove what differs or is damaged, so that the"
                            + " next start builds it anew.")
    private boolean rebuild;

    @Option(names = "--json", description = "Print the answer as JSON.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException, IOException {
        JsonNode answer = stopped
                ? verifyStopped()
                : instance.client().postPatiently("/v1/verify" + (rebuild ? "?rebuild=true" : ""));
        if (json) {
            spec.commandLine().getOut().println(answer);
        } else {
            print(answer);
        }
        spec.commandLine().getOut().flush();
        return answer.path("consistent").asBoolean() ? ExitCodes.OK : ExitCodes.FAILED;
    }

    private JsonNode verifyStopped() throws IOException {
        EngramConfig config = options.load(List.of());
        IndexEngine engine = config.engine(Runnable::run);
        ProgressBar progress = new ProgressBar(System.err, !json && ProgressBar.onTerminal(), "changelog records", 0);
        ObjectNode answer = MAPPER.createObjectNode();
        try (StoppedState state = new StoppedState(config, engine)) {
            List<StoppedReport> reports = state.verify(rebuild, (read, end) -> progress.update(read));
            answer.set("tasks", MAPPER.valueToTree(reports));
            state.changelogTrouble().ifPresent(text -> answer.put("changelog", text));
            answer.put(
                    "consistent",
                    reports.stream()
                            .allMatch(report -> report.isConsistent()
                                    || rebuild && !report.removed().isEmpty()));
        }
        return answer;
    }

    private void print(JsonNode answer) {
        for (JsonNode report : answer.path("partitions")) {
            line(
                    "partition %d (%s): %,d stored, %,d indexed; missing %,d, extra %,d, stale %,d; against the changelog: %,d"
                            + " too many or different, %,d too few; repaired %,d",
                    report.path("partition").asInt(),
                    report.path("role").asText(),
                    report.path("stored").asLong(),
                    report.path("indexed").asLong(),
                    report.path("missing").asLong(),
                    report.path("extra").asLong(),
                    report.path("stale").asLong(),
                    report.path("not_in_changelog").asLong(),
                    report.path("not_in_store").asLong(),
                    report.path("repaired").asLong());
            report.path("damaged")
                    .forEach(space -> line(
                            "  damaged: a file of the index of space %s; that part is being read from the store: verify again",
                            space.asText()));
            report.path("examples").forEach(example -> line("  differs: %s", example.asText()));
        }
        for (JsonNode report : answer.path("tasks")) {
            line(
                    "task %s: %,d stored; snapshot: %,d confirmed, %,d to insert, %,d to drop; against the changelog: %,d too"
                            + " many or different, %,d too few",
                    report.path("task").asText(),
                    report.path("stored").asLong(),
                    report.path("confirmed").asLong(),
                    report.path("to_insert").asLong(),
                    report.path("to_drop").asLong(),
                    report.path("not_in_changelog").asLong(),
                    report.path("not_in_store").asLong());
            report.path("unusable").forEach(file -> line("  unusable: %s", file.asText()));
            report.path("removed").forEach(path -> line("  removed: %s", path.asText()));
        }
        if (answer.has("changelog")) {
            line(
                    "%s: %s. Copy state.dir before anything else; the runbook says at EngramTopicsChanged how to go on",
                    answer.path("consistent").asBoolean() ? "consistent, but no instance starts" : "NOT consistent",
                    answer.path("changelog").asText());
        } else {
            line(answer.path("consistent").asBoolean() ? "consistent" : "NOT consistent; --rebuild repairs");
        }
    }

    private void line(String format, Object... values) {
        spec.commandLine().getOut().println(String.format(Locale.ROOT, format, values));
    }
}
