package io.engram.app.cli;

import io.engram.app.errors.StartupException;
import io.engram.app.kafka.EmbeddedKafka;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs a Kafka broker, for trying things out with several instances on one machine. */
@Command(
        name = "broker",
        description = "Run a single Kafka broker on loopback. For trying things out, not for production.",
        mixinStandardHelpOptions = true)
public final class BrokerCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(BrokerCommand.class);

    @Option(names = "--port", description = "Port to listen on; default ${DEFAULT-VALUE}.", defaultValue = "9092")
    private int port;

    @Option(
            names = "--dir",
            paramLabel = "DIR",
            description = "Data of the broker; default ${DEFAULT-VALUE}.",
            defaultValue = ".engram/broker")
    private Path directory;

    @Override
    public Integer call() throws InterruptedException {
        EmbeddedKafka broker = start(directory, port);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            broker.close();
                            stopped.countDown();
                        },
                        "engram-shutdown"));
        LOG.info("ready {} (not for production)", broker.bootstrapServers());
        stopped.await();
        return ExitCodes.OK;
    }

    static EmbeddedKafka start(Path directory, int port) {
        if (port < 1 || port > 65_535) {
            throw new StartupException("cannot start the broker: port must be from 1 to 65535, got " + port);
        }
        try {
            Path absolute = directory.toAbsolutePath().normalize();
            LOG.warn("Starting an embedded Kafka broker in {}: one node, one replica, not for production", absolute);
            return EmbeddedKafka.start(absolute, port);
        } catch (IOException e) {
            throw new StartupException("cannot start the broker: " + e.getMessage(), e);
        }
    }
}
