package io.engram.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** One screen: lanes, levels, workers, spaces. */
@Command(
        name = "status",
        description = "Show lanes, levels, workers and spaces of an instance.",
        mixinStandardHelpOptions = true)
public final class StatusCommand implements Callable<Integer> {
    private static final String HOME_AND_CLEAR = "\u001b[H\u001b[2J";

    @Spec
    private CommandSpec spec;

    @Mixin
    private InstanceOption instance;

    @Option(names = "--watch", description = "Show it again every second, until interrupted.")
    private boolean watch;

    @Option(names = "--json", description = "Answer with JSON.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        ApiClient client = instance.client();
        do {
            ObjectNode status = new ObjectMapper().createObjectNode();
            for (String part : new String[] {"cluster", "backpressure", "spaces", "rejections"}) {
                // Of many spaces one page: what it holds is the first by name.
                JsonNode answer = client.get("/v1/" + part + (part.equals("spaces") ? "?limit=1000" : ""));
                status.set(part, answer);
            }
            String text = json ? status.toString() : StatusScreen.render(status);
            spec.commandLine().getOut().println(watch && !json ? HOME_AND_CLEAR + text : text);
            spec.commandLine().getOut().flush();
            if (watch) {
                Thread.sleep(1_000);
            }
        } while (watch);
        return ExitCodes.OK;
    }
}
