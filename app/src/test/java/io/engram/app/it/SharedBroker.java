package io.engram.app.it;

import io.engram.app.kafka.EmbeddedKafka;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** One real broker for all tests of this JVM; each test uses topics of its own. */
final class SharedBroker {
    private static final EmbeddedKafka BROKER = start();

    private SharedBroker() {}

    private static EmbeddedKafka start() {
        try {
            Path directory = Files.createTempDirectory("engram-it-broker-");
            EmbeddedKafka broker = EmbeddedKafka.start(directory, 0);
            Runtime.getRuntime().addShutdownHook(new Thread(broker::close));
            return broker;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String bootstrapServers() {
        return BROKER.bootstrapServers();
    }
}
