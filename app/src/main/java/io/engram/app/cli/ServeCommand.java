package io.engram.app.cli;

import io.engram.app.config.ConfigKeys;
import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.kafka.EmbeddedKafka;
import io.engram.app.lifecycle.EngramApplication;
import io.engram.index.IndexEngine;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import org.apache.kafka.common.config.ConfigException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs one instance until it is told to stop. */
@Command(
        name = "serve",
        description = "Run an instance: streams, index, HTTP and metrics.",
        mixinStandardHelpOptions = true)
public final class ServeCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(ServeCommand.class);

    private final BiFunction<EngramConfig, Executor, IndexEngine> engine;

    @Mixin
    private ConfigOptions options;

    @Option(
            names = "--embedded-kafka",
            description =
                    "Run a Kafka broker in this process, on the port of kafka.bootstrap.servers. Not for production: one node,"
                            + " loopback only.")
    private boolean embeddedKafka;

    @Option(
            names = "--broker-dir",
            paramLabel = "DIR",
            description = "Data of the embedded broker; default ${DEFAULT-VALUE}.",
            defaultValue = ".engram/broker")
    private Path brokerDir;

    @Option(
            names = "--accept-new-cluster",
            description = "Start although state.dir belongs to another Kafka cluster; its state is put aside.")
    private boolean acceptNewCluster;

    @Option(
            names = "--accept-new-changelog",
            description =
                    "Start although the changelog is gone or was made again: without the memories that it held. The state that"
                            + " still has them is put aside.")
    private boolean acceptNewChangelog;

    /** With the configured engine. */
    public ServeCommand() {
        this(EngramConfig::engine);
    }

    /** With an engine of the caller's, made with the executor of background work. */
    public ServeCommand(BiFunction<EngramConfig, Executor, IndexEngine> engine) {
        this.engine = engine;
    }

    @Override
    public Integer call() throws InterruptedException {
        EngramConfig config = options.load(List.of());
        Optional<EmbeddedKafka> broker = embeddedKafka ? Optional.of(startBroker(config)) : Optional.empty();
        try {
            EngramApplication application = new EngramApplication(config, executor -> engine.apply(config, executor));
            // A signal arrives while this thread waits: stop everything before the process ends.
            Thread stop = new Thread(
                    () -> {
                        application.close();
                        broker.ifPresent(EmbeddedKafka::close);
                    },
                    "engram-shutdown");
            Runtime.getRuntime().addShutdownHook(stop);
            try {
                application.start(acceptNewCluster, acceptNewChangelog);
                LOG.info("ready {} metrics {}", application.url(), application.metricsUrl());
                if (application.awaitEnd()) {
                    throw new StartupException("the instance failed; see the log above");
                }
            } finally {
                application.close();
            }
            return ExitCodes.OK;
        } finally {
            broker.ifPresent(EmbeddedKafka::close);
        }
    }

    private EmbeddedKafka startBroker(EngramConfig config) {
        String[] address = config.bootstrapServers().split(":");
        if (address.length != 2 || !List.of("127.0.0.1", "localhost").contains(address[0])) {
            throw new ConfigException(
                    ConfigKeys.BOOTSTRAP_SERVERS,
                    config.bootstrapServers(),
                    "must be 127.0.0.1:<port> with --embedded-kafka");
        }
        try {
            return BrokerCommand.start(brokerDir, Integer.parseInt(address[1]));
        } catch (NumberFormatException e) {
            throw new ConfigException(ConfigKeys.BOOTSTRAP_SERVERS, config.bootstrapServers(), "must end with a port");
        }
    }
}
