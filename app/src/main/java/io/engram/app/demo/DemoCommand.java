package io.engram.app.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.cli.ApiClient;
import io.engram.app.cli.ConfigOptions;
import io.engram.app.cli.ExitCodes;
import io.engram.app.cli.ObservationLines;
import io.engram.app.cli.ProgressBar;
import io.engram.app.cli.QueryFile;
import io.engram.app.config.ConfigKeys;
import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.kafka.EmbeddedKafka;
import io.engram.app.lifecycle.EngramApplication;
import io.engram.schemas.Lane;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Broker, application and real data in one process: the quickest way to see memories become recallable. */
@Command(
        name = "demo",
        description = "Start a broker and an instance, stream real observations through them, and recall some.",
        mixinStandardHelpOptions = true)
public final class DemoCommand implements Callable<Integer> {
    private static final int SHOWN_QUERIES = 5;
    private static final int SHOWN_RESULTS = 3;
    private static final int WIDTH = 78;
    private static final long POLL_MS = 100;
    private static final long INDEX_TIMEOUT_MS = 120_000;

    @Spec
    private CommandSpec spec;

    @Mixin
    private ConfigOptions options;

    @Option(names = "--exit", description = "End after the queries instead of staying up.")
    private boolean exit;

    @Option(names = "--json", description = "Print the summary as JSON; implies --exit.")
    private boolean json;

    private PrintWriter out;

    @Override
    public Integer call() throws IOException, InterruptedException {
        out = spec.commandLine().getOut();
        Path directory = Files.createTempDirectory("engram-demo-");
        List<AutoCloseable> open = new ArrayList<>();
        // Signals and the normal end both come through here, once.
        Thread cleanUp = new Thread(() -> cleanUp(open, directory), "engram-shutdown");
        Runtime.getRuntime().addShutdownHook(cleanUp);
        long start = System.nanoTime();
        say("Engram Streaming demo: broker, application and data in one process. Not for production.%n");
        int kafkaPort = freeOr(9092);
        // Both take seconds of class loading, and neither needs the other to begin with.
        CompletableFuture<EmbeddedKafka> starting =
                CompletableFuture.supplyAsync(() -> startBroker(directory.resolve("broker"), kafkaPort));
        EngramConfig config = options.load(List.of(
                ConfigKeys.BOOTSTRAP_SERVERS + "=127.0.0.1:" + kafkaPort,
                ConfigKeys.STATE_DIR + "=" + directory.resolve("state"),
                ConfigKeys.HTTP_PORT + "=" + freeOr(7432),
                ConfigKeys.METRICS_PORT + "=" + freeOr(9090),
                ConfigKeys.STANDBY_REPLICAS + "=0",
                ConfigKeys.WARM_UP_MS + "=0"));
        EngramApplication application = new EngramApplication(config);
        EmbeddedKafka broker = joined(starting);
        open.add(broker);
        open.add(application);
        say("%5.1f s  Kafka broker on %s", seconds(start), broker.bootstrapServers());
        application.start();
        say("%5.1f s  application ready on %s", seconds(start), application.url());
        ApiClient client = new ApiClient(application.url());

        Streamed streamed = stream(config, client);
        say(
                "%5.1f s  %,d observations sent and recallable within %.1f s (%,.0f/s)",
                seconds(start), streamed.count(), streamed.seconds(), streamed.count() / streamed.seconds());
        showQueries(client);
        QueryFile.Report report;
        try (InputStream queries = DemoData.openQueries()) {
            report = QueryFile.run(client, queries, Optional.empty(), 10);
        }
        say("%n%s%n", report.text());
        if (json) {
            ObjectNode summary = JsonNodeFactory.instance.objectNode();
            summary.put("observations", streamed.count()).put("index_seconds", streamed.seconds());
            summary.put("queries", report.queries()).put("recall_at_10", report.recall());
            summary.put("p50_ms", report.p50Ms()).put("p99_ms", report.p99Ms()).put("seconds", seconds(start));
            out.println(summary);
        }
        if (exit || json) {
            say("Done in %.1f s: %,d observations, recall@10 %.3f.", seconds(start), streamed.count(), report.recall());
            out.flush();
            return ExitCodes.OK;
        }
        printWhatToTry(application, broker);
        application.awaitEnd();
        return ExitCodes.FAILED;
    }

    private static EmbeddedKafka startBroker(Path directory, int port) {
        try {
            return EmbeddedKafka.start(directory, port);
        } catch (IOException e) {
            throw new StartupException("cannot start the broker: " + e.getMessage(), e);
        }
    }

    private static EmbeddedKafka joined(CompletableFuture<EmbeddedKafka> starting) {
        try {
            return starting.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof StartupException cause ? cause : e;
        }
    }

    private record Streamed(int count, double seconds) {}

    private Streamed stream(EngramConfig config, ApiClient client) throws IOException, InterruptedException {
        List<String> lines = DemoData.observations();
        ObservationLines observations = new ObservationLines(Optional.empty(), Optional.empty());
        ProgressBar progress =
                new ProgressBar(System.err, !json && ProgressBar.onTerminal(), "       recallable", lines.size());
        long start = System.nanoTime();
        Map<String, Object> settings = config.kafka();
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 5);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            String topic = config.topics().observations(Lane.NORMAL);
            for (String line : lines) {
                ObservationLines.Line record = observations.next(line);
                producer.send(
                        new ProducerRecord<>(topic, record.space().getBytes(StandardCharsets.UTF_8), record.value()));
            }
            long recallable = 0;
            while (recallable < lines.size()) {
                recallable = 0;
                for (JsonNode space : client.get("/v1/spaces?limit=1000").path("spaces")) {
                    recallable += space.path("count").asLong();
                }
                progress.update(recallable);
                if (seconds(start) * 1_000 > INDEX_TIMEOUT_MS) {
                    throw new StartupException(
                            "only " + recallable + " of " + lines.size() + " observations became recallable");
                }
                Thread.sleep(POLL_MS);
            }
            progress.finish(recallable);
        }
        return new Streamed(lines.size(), seconds(start));
    }

    private void showQueries(ApiClient client) throws IOException, InterruptedException {
        List<JsonNode> queries = DemoData.queries();
        int step = queries.size() / SHOWN_QUERIES;
        for (int i = 0; i < SHOWN_QUERIES; i++) {
            JsonNode query = queries.get(i * step);
            JsonNode answer = QueryFile.ask(client, query, SHOWN_RESULTS);
            say("%n  ? %s", clip(query.path("content").asText()));
            for (JsonNode result : answer.path("results")) {
                say(
                        "    %.3f  %s",
                        result.path("similarity").asDouble(),
                        clip(result.path("content").asText()));
            }
            say(
                    "    %.1f ms, space %s",
                    answer.path("took_ms").asDouble(), query.path("space").asText());
        }
    }

    private void printWhatToTry(EngramApplication application, EmbeddedKafka broker) {
        String topic = application.runtime().config().topics().observations(Lane.NORMAL);
        say("HTTP     %s/v1/spaces", application.url());
        say("metrics  %s", application.metricsUrl());
        say("Kafka    %s%n", broker.bootstrapServers());
        say("Remember something with kcat (or any Kafka client), then recall it:%n");
        say(
                "  echo 'notes:{\"id\":\"tea\",\"content\":\"tea is at four\",\"embedding\":[0.1,0.9,0.2]}' |"
                        + " \\%n    kcat -P -b %s -t %s -K: -X partitioner=murmur2_random%n",
                broker.bootstrapServers(), topic);
        say(
                "  curl -s %s/v1/spaces/notes/recall -H 'content-type: application/json' \\%n"
                        + "    -d '{\"vector\":[0,1,0],\"k\":1}'%n",
                application.url());
        say("  ./engram status --url %s%n", application.url());
        say("Press Ctrl-C to stop; the demo's data goes with it.");
    }

    private void say(String format, Object... values) {
        if (!json) {
            out.printf(Locale.ROOT, format + "%n", values);
            out.flush();
        }
    }

    private static String clip(String text) {
        int width = WIDTH - 11;
        return text.length() <= width ? text : text.substring(0, width - 1) + "…";
    }

    private static double seconds(long startNanos) {
        return (System.nanoTime() - startNanos) / 1e9;
    }

    /** The usual port when nobody uses it, else any free one: a demo should not fail because something is running. */
    private static int freeOr(int usual) throws IOException {
        try (ServerSocket socket = new ServerSocket(usual, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            }
        }
    }

    private static void cleanUp(List<AutoCloseable> open, Path directory) {
        for (int i = open.size() - 1; i >= 0; i--) {
            try {
                open.get(i).close();
            } catch (Exception e) {
                System.err.println("engram: could not stop cleanly: " + e);
            }
        }
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            System.err.println("engram: could not remove " + directory + ": " + e);
        }
    }
}
