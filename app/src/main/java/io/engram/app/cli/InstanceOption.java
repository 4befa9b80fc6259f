package io.engram.app.cli;

import picocli.CommandLine.Option;

/** {@code --url}, for commands that talk to a running instance. */
final class InstanceOption {
    @Option(
            names = "--url",
            description = "An instance; default ${DEFAULT-VALUE}.",
            defaultValue = "http://127.0.0.1:7432")
    private String url;

    ApiClient client() {
        return new ApiClient(url);
    }
}
