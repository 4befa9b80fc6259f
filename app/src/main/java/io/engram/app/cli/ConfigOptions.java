package io.engram.app.cli;

import io.engram.app.config.ConfigLoader;
import io.engram.app.config.EngramConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** {@code --config} and {@code --set}, for commands that start something. */
public final class ConfigOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "Properties file; the environment and --set override it.")
    private Optional<Path> file = Optional.empty();

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "One setting; may be given several times. 'engram config' lists the keys.")
    private List<String> settings = new ArrayList<>();

    /** Defaults, then the file, then the environment, then {@code --set}, then {@code more}. */
    public EngramConfig load(List<String> more) {
        ConfigLoader loader = new ConfigLoader();
        file.ifPresent(loader::file);
        loader.environment(System.getenv());
        settings.forEach(loader::set);
        more.forEach(loader::set);
        return loader.load();
    }
}
