package io.engram.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.config.EngramConfig;
import io.engram.app.state.Refill;
import io.engram.app.state.RefillReport;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Writes the state of a stopped instance into a changelog that has lost it. */
@Command(
        name = "refill",
        description = "Write what state.dir of a stopped instance holds into a changelog that was lost or made again.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Stop every instance, and copy each state.dir, before. A changelog that is missing is made. Nothing is written",
            "when the changelog knows anything that this state does not, while the group has members, or when another",
            "cluster answers. The state is put aside afterwards, not deleted; the next start restores it."
        })
public final class RefillCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ConfigOptions options;

    @Option(
            names = "--partition",
            paramLabel = "N",
            split = ",",
            description = "Only these partitions; default all that state.dir holds.")
    private Set<Integer> partitions = new TreeSet<>();

    @Option(names = "--dry-run", description = "Only check, and say what is there.")
    private boolean dryRun;

    @Option(names = "--json", description = "Print the answer as JSON.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException, IOException {
        EngramConfig config = options.load(List.of());
        ProgressBar progress = new ProgressBar(System.err, !json && ProgressBar.onTerminal(), "entries", 0);
        List<RefillReport> reports;
        try (Refill refill = new Refill(config)) {
            reports = refill.run(partitions, dryRun, progress::update);
        }
        if (json) {
            ObjectMapper mapper = new ObjectMapper();
            ObjectNode answer = mapper.createObjectNode();
            answer.set("partitions", mapper.valueToTree(reports));
            answer.put("refilled", !dryRun);
            line("%s", answer);
        } else {
            reports.forEach(report -> line(
                    "partition %d: %,d entries with %,d memories, lanes up to %s, old changelog up to offset %d; the new one"
                            + " had %,d keys",
                    report.partition(),
                    report.entries(),
                    report.memories(),
                    report.positions(),
                    report.committedOffset(),
                    report.inChangelog()));
            line(
                    dryRun
                            ? "nothing stands against refilling the changelog from it; nothing was written"
                            : "refilled, read back and compared; the state was put aside, and the next start restores it");
        }
        spec.commandLine().getOut().flush();
        return ExitCodes.OK;
    }

    private void line(String format, Object... values) {
        spec.commandLine().getOut().println(String.format(Locale.ROOT, format, values));
    }
}
