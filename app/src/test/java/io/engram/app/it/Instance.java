package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.app.config.ConfigLoader;
import io.engram.app.config.EngramConfig;
import io.engram.app.lifecycle.EngramApplication;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.RejectionHeaders;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** A real instance in this JVM, with a producer to its lanes and a client of its HTTP interface. */
final class Instance implements AutoCloseable {
    static final ObjectMapper MAPPER = new ObjectMapper();

    /** Whatever the machine, beyond 1,000 memories the index is slower than the checks before it, and its queue fills. */
    static final String SLOW_INDEX = "index.ef.construction=2000";

    /** Beside the settings: go on without what the changelog held. */
    static final String ACCEPT = "--accept-new-changelog";

    private final HttpClient http = HttpClient.newHttpClient();
    private final EngramConfig config;
    private final EngramApplication application;
    private final KafkaProducer<byte[], byte[]> producer;

    private Instance(EngramConfig config) {
        this.config = config;
        this.application = new EngramApplication(config);
        this.producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        SharedBroker.bootstrapServers(),
                        "linger.ms",
                        2,
                        "max.request.size",
                        8 << 20),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    /** Starts an instance under a name that no other test uses. */
    static Instance start(String name, Path stateDir, String... settings) throws InterruptedException {
        ConfigLoader loader = new ConfigLoader();
        // As in a process: ENGRAM_INDEX_ENGINE runs every test with the other engine.
        loader.environment(System.getenv());
        settings(name, stateDir).forEach(loader::set);
        loader.set("http.port=0")
                .set("metrics.port=0")
                .set("shutdown.drain.ms=0")
                .set("standby.replicas=0")
                .set("warm.up.ms=0");
        boolean accept = List.of(settings).contains(ACCEPT);
        for (String setting : settings) {
            if (!setting.equals(ACCEPT)) {
                loader.set(setting);
            }
        }
        Instance instance = new Instance(loader.load());
        try {
            instance.application.start(false, accept);
            return instance;
        } catch (RuntimeException | InterruptedException e) {
            instance.close();
            throw e;
        }
    }

    /** What an instance of that name and the commands for its state have in common. */
    static List<String> settings(String name, Path stateDir) {
        return List.of(
                "kafka.bootstrap.servers=" + SharedBroker.bootstrapServers(),
                "application.id=" + name,
                "topics.prefix=" + name,
                "partitions=2",
                "state.dir=" + stateDir);
    }

    EngramApplication application() {
        return application;
    }

    String url() {
        return application.url();
    }

    void send(Lane lane, String space, Observation observation) {
        sendRaw(lane, space.getBytes(StandardCharsets.UTF_8), ObservationCodec.encode(observation));
    }

    void sendRaw(Lane lane, byte[] key, byte[] value) {
        producer.send(new ProducerRecord<>(config.topics().observations(lane), key, value));
    }

    void sendTo(Lane lane, int partition, byte[] key, byte[] value) {
        producer.send(new ProducerRecord<>(config.topics().observations(lane), partition, key, value));
    }

    void flush() {
        producer.flush();
    }

    HttpResponse<String> request(HttpRequest.Builder request, String path) {
        try {
            return http.send(
                    request.uri(URI.create(url() + path))
                            .timeout(Duration.ofSeconds(30))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    HttpResponse<String> get(String path) {
        return request(HttpRequest.newBuilder().GET(), path);
    }

    HttpResponse<String> post(String path, String json) {
        return request(
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(json)),
                path);
    }

    static JsonNode json(HttpResponse<String> response) {
        try {
            return MAPPER.readTree(response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    JsonNode recall(String space, String body) {
        HttpResponse<String> response = post("/v1/spaces/" + space + "/recall", body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response);
    }

    List<String> recallIds(String space, String body) {
        List<String> ids = new ArrayList<>();
        recall(space, body)
                .get("results")
                .forEach(result -> ids.add(result.get("id").asText()));
        return ids;
    }

    boolean isRemembered(String space, String id) {
        return get("/v1/spaces/" + space + "/memories/" + id).statusCode() == 200;
    }

    /** Memories that this instance has and serves; they may still wait for an index. */
    long memories() {
        long sum = 0;
        String after = "";
        do {
            HttpResponse<String> page = request(
                    HttpRequest.newBuilder().header("Engram-Hop", "1").GET(), "/v1/spaces?limit=1000&after=" + after);
            if (page.statusCode() != 200) {
                return 0;
            }
            for (JsonNode space : json(page).path("spaces")) {
                sum += space.path("count").asLong();
            }
            after = json(page).path("next").asText();
        } while (!after.isEmpty());
        return sum;
    }

    void awaitMemories(long count) {
        await().atMost(Duration.ofSeconds(90))
                .pollInterval(Duration.ofMillis(50))
                .until(() -> memories() == count && sumOf("engram_streaming_queue_depth") == 0);
    }

    /** The text that Prometheus scrapes. */
    String metrics() {
        try {
            return http.send(
                            HttpRequest.newBuilder(URI.create(application.metricsUrl()))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The sum of a metric's series whose labels contain all of these texts. */
    double sumOf(String metric, String... labels) {
        Pattern line = Pattern.compile("^" + metric + "(\\{[^}]*\\})? (\\S+)$", Pattern.MULTILINE);
        Matcher matcher = line.matcher(metrics());
        double sum = 0;
        boolean any = false;
        while (matcher.find()) {
            String found = Optional.ofNullable(matcher.group(1)).orElse("");
            if (List.of(labels).stream().allMatch(found::contains)) {
                sum += Double.parseDouble(matcher.group(2));
                any = true;
            }
        }
        assertThat(any).as("series " + metric + List.of(labels)).isTrue();
        return sum;
    }

    /** Everything committed in a topic so far. */
    List<ConsumerRecord<byte[], byte[]>> readAll(String topic) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", SharedBroker.bootstrapServers(), "isolation.level", "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            consumer.partitionsFor(topic).forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = new HashMap<>(consumer.endOffsets(partitions));
            while (!ends.isEmpty()) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
                ends.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue());
            }
        }
        return records;
    }

    List<ConsumerRecord<byte[], byte[]>> rejected() {
        return readAll(config.topics().rejected());
    }

    static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }

    static String reason(ConsumerRecord<byte[], byte[]> record) {
        return header(record, RejectionHeaders.REASON);
    }

    EngramConfig config() {
        return config;
    }

    @Override
    public void close() {
        producer.close(Duration.ofSeconds(5));
        application.close();
    }
}
