package io.engram.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.engram.app.config.ConfigKeys;
import io.engram.app.config.ConfigReference;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.kafka.common.config.ConfigDef;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Lists the configuration keys. */
@Command(
        name = "config",
        description = "List every configuration key with its default and environment variable.",
        mixinStandardHelpOptions = true)
public final class ConfigCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--json", description = "Answer with JSON.")
    private boolean json;

    @Option(names = "--markdown", description = "Print the reference page.")
    private boolean markdown;

    @Override
    public Integer call() {
        if (markdown) {
            spec.commandLine().getOut().print(ConfigReference.markdown());
        } else if (json) {
            ArrayNode keys = new ObjectMapper().createArrayNode();
            for (ConfigDef.ConfigKey key : ConfigKeys.DEFINITION.configKeys().values()) {
                keys.addObject()
                        .put("key", key.name)
                        .put("default", String.valueOf(key.defaultValue))
                        .put("variable", ConfigKeys.variable(key.name))
                        .put("description", key.documentation);
            }
            spec.commandLine().getOut().println(keys.toPrettyString());
        } else {
            for (ConfigDef.ConfigKey key : ConfigKeys.DEFINITION.configKeys().values()) {
                String guide = ConfigKeys.guideVariable(key.name)
                        .map(name -> ", " + name)
                        .orElse("");
                spec.commandLine()
                        .getOut()
                        .printf(
                                Locale.ROOT,
                                "%s = %s%n    %s%n    %s%s%n",
                                key.name,
                                ConfigDef.convertToString(key.defaultValue, key.type),
                                key.documentation,
                                ConfigKeys.variable(key.name),
                                guide);
            }
        }
        spec.commandLine().getOut().flush();
        return ExitCodes.OK;
    }
}
