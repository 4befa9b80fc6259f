package io.engram.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Saves the indexes of an instance now. */
@Command(
        name = "snapshot",
        description = "Have an instance save its indexes now, so that its next start need not build them.",
        mixinStandardHelpOptions = true)
public final class SnapshotCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private InstanceOption instance;

    @Option(names = "--json", description = "Print the answer as JSON.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        JsonNode answer = instance.client().postPatiently("/v1/snapshot");
        spec.commandLine()
                .getOut()
                .println(
                        json
                                ? answer.toString()
                                : String.format(
                                        Locale.ROOT,
                                        "saved %,d spaces with %,d memories, %,d bytes, in %,d ms; the others had not changed",
                                        answer.path("spaces").asLong(),
                                        answer.path("memories").asLong(),
                                        answer.path("bytes").asLong(),
                                        answer.path("took_ms").asLong()));
        spec.commandLine().getOut().flush();
        return ExitCodes.OK;
    }
}
