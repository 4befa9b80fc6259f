package io.engram.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.app.cli.ExitCodes.CommandFailedException;
import io.engram.app.cli.ExitCodes.UnreachableException;
import io.engram.app.config.EngramConfig;
import io.engram.schemas.Lane;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.GZIPInputStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Sends observations from a file or standard input to Kafka. */
@Command(
        name = "observe",
        description = "Send observations, one JSON object a line, to Kafka.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "A line is an observation, or {\"space\": \"…\", \"observation\": {…}}. A line with an id can be sent",
            "again, and replaces what has that id; one without is another memory each time."
        })
public final class ObserveCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ConfigOptions options;

    @Parameters(paramLabel = "FILE", description = "Lines of JSON, .gz as well; - for standard input.")
    private String file;

    @Option(names = "--space", description = "Memory space of lines that name none.")
    private Optional<String> space = Optional.empty();

    @Option(
            names = "--priority",
            description = "Lane: high, normal or low; default ${DEFAULT-VALUE}.",
            defaultValue = "normal")
    private Lane lane;

    @Option(
            names = "--session",
            description = "Number the lines that name no session in this one, from 1; it must be a new one.")
    private Optional<String> session = Optional.empty();

    @Option(names = "--json", description = "Print the summary as JSON.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        EngramConfig config = options.load(List.of());
        ObservationLines lines = new ObservationLines(space, session);
        ProgressBar progress = new ProgressBar(System.err, !json && ProgressBar.onTerminal(), "sent", countLines());
        AtomicLong acknowledged = new AtomicLong();
        AtomicReference<Exception> failure = new AtomicReference<>();
        long start = System.nanoTime();
        long sent = 0;
        try (BufferedReader reader = open();
                KafkaProducer<byte[], byte[]> producer = producer(config)) {
            for (String line = reader.readLine(); line != null && failure.get() == null; line = reader.readLine()) {
                if (line.isBlank()) {
                    continue;
                }
                ObservationLines.Line record = lines.next(line);
                producer.send(
                        new ProducerRecord<>(
                                config.topics().observations(lane),
                                record.space().getBytes(StandardCharsets.UTF_8),
                                record.value()),
                        (metadata, e) -> {
                            if (e == null) {
                                acknowledged.incrementAndGet();
                            } else {
                                failure.compareAndSet(null, e);
                            }
                        });
                sent++;
                progress.update(acknowledged.get());
            }
            producer.flush();
        } catch (TimeoutException e) {
            failure.compareAndSet(null, e);
        }
        progress.finish(acknowledged.get());
        report(sent, acknowledged.get(), (System.nanoTime() - start) / 1e9);
        if (failure.get() instanceof TimeoutException timeout) {
            throw new UnreachableException(
                    "Kafka at " + config.bootstrapServers() + " does not answer: " + timeout.getMessage());
        }
        if (failure.get() != null) {
            throw new CommandFailedException(
                    "Kafka did not take a record: " + failure.get().getMessage());
        }
        return ExitCodes.OK;
    }

    private void report(long sent, long acknowledged, double seconds) {
        double rate = acknowledged / Math.max(seconds, 1e-9);
        String text = json
                ? new ObjectMapper()
                        .valueToTree(Map.of(
                                "sent", sent, "acknowledged", acknowledged, "seconds", seconds, "per_second", rate))
                        .toString()
                : String.format(
                        Locale.ROOT,
                        "%,d of %,d acknowledged by Kafka in %.1f s (%,.0f/s)",
                        acknowledged,
                        sent,
                        seconds,
                        rate);
        spec.commandLine().getOut().println(text);
        spec.commandLine().getOut().flush();
    }

    private static KafkaProducer<byte[], byte[]> producer(EngramConfig config) {
        Map<String, Object> settings = config.kafka();
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 5);
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 256 << 10);
        settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, 8 << 20);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 10_000);
        settings.putAll(config.producer());
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private long countLines() throws IOException {
        if (file.equals("-") || json) {
            return 0;
        }
        try (BufferedReader reader = open()) {
            return reader.lines().filter(line -> !line.isBlank()).count();
        }
    }

    private BufferedReader open() throws IOException {
        InputStream in;
        if (file.equals("-")) {
            in = System.in;
        } else {
            Path path = Path.of(file);
            if (!Files.isReadable(path)) {
                throw new CommandFailedException("cannot read " + path);
            }
            in = file.endsWith(".gz") ? new GZIPInputStream(Files.newInputStream(path)) : Files.newInputStream(path);
        }
        return new BufferedReader(new InputStreamReader(
                in, StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)));
    }
}
