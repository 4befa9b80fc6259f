package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A crash before each write of a record's way: whatever the record is, after the restart it is as if there had been none.
 *
 * <pre>
 * taken → session → memory → tombstone's time → rejection → positions, progress → commit
 *         's'       'm'      't'                engram-rejected  'o'  engram-sessions
 * </pre>
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("alone")
class CrashPointsFaultIT {
    private static final String SPACE = "crash";

    /** What is sent in a row; each row has a session and an id of its own. */
    enum Kind {
        ACCEPTED,
        DUPLICATE,
        FORGET,
        REPLACE,
        CLOSE,
        SHED,
        REDELIVERED,
        UNSEQUENCED,
        UNSEQUENCED_DUPLICATE,
        UNSEQUENCED_REDELIVERED;

        boolean isRedelivered() {
            return this == REDELIVERED || this == UNSEQUENCED_REDELIVERED;
        }
    }

    /**
     * A row of the table.
     *
     * @param topic before a write to which the process ends
     * @param key what the key of that write begins with or contains; {@code %s} is the row's session, {@code %i} its id
     */
    record Row(Kind kind, String topic, String key) {
        String session() {
            return (kind + "-" + topic + "-" + Math.abs(key.hashCode())).toLowerCase(Locale.ROOT);
        }

        String id() {
            return "id-" + session();
        }

        String point() {
            return topic + ":" + key.replace("%s", session()).replace("%i", id());
        }

        @Override
        public String toString() {
            return kind + " before " + topic + " " + key;
        }
    }

    static Stream<Row> rows() {
        List<Row> rows = new ArrayList<>();
        String session = "s" + SPACE + "~normal~%s";
        String memory = "m" + SPACE + "~%i";
        for (Kind kind : List.of(Kind.ACCEPTED, Kind.FORGET, Kind.REPLACE, Kind.SHED, Kind.REDELIVERED)) {
            rows.add(new Row(kind, "changelog", session));
        }
        rows.add(new Row(Kind.CLOSE, "changelog", session));
        rows.add(new Row(Kind.ACCEPTED, "changelog", memory));
        rows.add(new Row(Kind.FORGET, "changelog", memory));
        rows.add(new Row(Kind.REPLACE, "changelog", memory));
        rows.add(new Row(Kind.REDELIVERED, "changelog", memory));
        rows.add(new Row(Kind.DUPLICATE, "rejected", SPACE));
        rows.add(new Row(Kind.SHED, "rejected", SPACE));
        rows.add(new Row(Kind.REDELIVERED, "observations-normal", SPACE));
        rows.add(new Row(Kind.UNSEQUENCED, "changelog", memory));
        rows.add(new Row(Kind.UNSEQUENCED_DUPLICATE, "rejected", SPACE));
        rows.add(new Row(Kind.UNSEQUENCED_REDELIVERED, "changelog", memory));
        for (Kind kind : List.of(Kind.ACCEPTED, Kind.DUPLICATE, Kind.CLOSE)) {
            rows.add(new Row(kind, "sessions", SPACE + "/normal/%s"));
        }
        // The short form takes one of each place.
        return FaultSettings.isLong()
                ? rows.stream()
                : Stream.of(
                        new Row(Kind.ACCEPTED, "changelog", memory),
                        new Row(Kind.SHED, "rejected", SPACE),
                        new Row(Kind.REDELIVERED, "changelog", session),
                        new Row(Kind.UNSEQUENCED_REDELIVERED, "changelog", memory),
                        new Row(Kind.CLOSE, "sessions", SPACE + "/normal/%s"));
    }

    private final List<Server> servers = new ArrayList<>();
    private Path directory;
    private int kafkaPort;
    private int httpPort;

    @BeforeAll
    void start(@TempDir Path directory) throws IOException {
        this.directory = directory;
        kafkaPort = Server.freePort();
        httpPort = Server.freePort();
        Server broker = Server.broker(directory.resolve("broker"), kafkaPort);
        servers.add(broker);
        broker.awaitReady();
    }

    @AfterAll
    void stop() {
        servers.forEach(Server::close);
    }

    private Server instance(String crashPoint, String... more) throws IOException {
        List<String> settings = new ArrayList<>(List.of(
                "partitions=1",
                "shutdown.drain.ms=0",
                "producer.interceptor.classes=" + CrashInterceptor.class.getName(),
                // A static member comes back at once, without waiting for the group to notice.
                "consumer.group.instance.id=the-one"));
        settings.addAll(List.of(more));
        Server server = Server.instance(
                directory.resolve("instance"),
                kafkaPort,
                httpPort,
                List.of("-Xmx1g", "-D" + CrashInterceptor.PROPERTY + "=" + crashPoint),
                settings.toArray(String[]::new));
        servers.add(server);
        return server;
    }

    private static Observation observe(Row row, long sequence, String content) {
        return Observation.observe(row.session(), sequence, content, new float[] {1, sequence, 3})
                .withId(row.id());
    }

    /** What {@link #observe} says of number 1, without a session. */
    private static Observation unsequenced(Row row, String content) {
        return Observation.observe(content, new float[] {1, 1, 3}).withId(row.id());
    }

    @ParameterizedTest
    @MethodSource("rows")
    void shouldBeAsIfThereHadBeenNoCrash(Row row) throws Exception {
        Map<String, Integer> rejectedBefore = rejectedByReason();
        // Before the crash: what the record refers to is there already.
        Server quiet = instance("never:never", settingsOf(row, false));
        quiet.awaitReady();
        try (Loader loader = new Loader(kafkaPort, 3)) {
            if (row.kind() == Kind.SHED || row.kind().isRedelivered()) {
                // Something must be remembered for memory to be full.
                loader.send(
                        SPACE, Lane.NORMAL, Observation.observe("base-" + row.session(), 1, "base", new float[] {1, 2, 3
                        }));
                loader.flush();
                Server first = quiet;
                await().atMost(Duration.ofSeconds(30)).until(() -> first.memories() > 0);
                quiet.stop();
                quiet = instance("never:never", settingsOf(row, true));
                quiet.awaitReady();
                awaitOverloaded(quiet);
            } else {
                loader.send(SPACE, Lane.NORMAL, observe(row, 1, "first"));
                loader.flush();
                awaitAcknowledged(quiet, row, 1);
            }
            if (row.kind().isRedelivered()) {
                loader.send(
                        SPACE,
                        Lane.NORMAL,
                        row.kind() == Kind.REDELIVERED ? observe(row, 1, "shed") : unsequenced(row, "shed"));
                loader.flush();
                awaitRejected("over_capacity", rejectedBefore, 1);
            }
            quiet.stop();

            Server victim = instance(row.point(), settingsOf(row, row.kind() == Kind.SHED));
            if (row.kind() == Kind.SHED) {
                victim.awaitReady();
                awaitOverloaded(victim);
            }
            switch (row.kind()) {
                case ACCEPTED ->
                    loader.send(SPACE, Lane.NORMAL, observe(row, 2, "second").withId(row.id() + "-2"));
                case REPLACE -> loader.send(SPACE, Lane.NORMAL, observe(row, 2, "second"));
                case DUPLICATE -> loader.send(SPACE, Lane.NORMAL, observe(row, 1, "first"));
                case FORGET -> loader.send(SPACE, Lane.NORMAL, Observation.forget(row.session(), 2, row.id()));
                case CLOSE -> loader.send(SPACE, Lane.NORMAL, Observation.of(Operation.CLOSE, row.session(), 2));
                case SHED -> loader.send(SPACE, Lane.NORMAL, observe(row, 1, "shed"));
                case UNSEQUENCED ->
                    loader.send(SPACE, Lane.NORMAL, unsequenced(row, "second").withId(row.id() + "-2"));
                case UNSEQUENCED_DUPLICATE -> loader.send(SPACE, Lane.NORMAL, unsequenced(row, "first"));
                case REDELIVERED, UNSEQUENCED_REDELIVERED -> {
                    // Nothing more is sent: redelivery does it.
                }
            }
            loader.flush();
            assertThat(victim.exitCode()).as(victim.output()).isEqualTo(137);
        }

        Server again = instance("never:never");
        again.awaitReady();
        check(row, again, rejectedBefore);
        again.stop();
    }

    private static void awaitOverloaded(Server instance) {
        await().atMost(Duration.ofSeconds(30))
                .until(() ->
                        instance.json("/v1/backpressure").path("level").asText().equals("overloaded"));
    }

    @AfterEach
    void stopInstances() {
        servers.stream().skip(1).forEach(Server::close);
    }

    /** What makes everything be shed, or nothing be redelivered. */
    private static String[] settingsOf(Row row, boolean full) {
        if (full) {
            return new String[] {"index.max-memory=1", "index.scan.threshold=0", "redelivery.enabled=false"};
        }
        return new String[] {
            "index.scan.threshold=0", "redelivery.enabled=" + row.kind().isRedelivered()
        };
    }

    private void check(Row row, Server instance, Map<String, Integer> before) throws Exception {
        String path = "/v1/spaces/" + SPACE + "/memories/" + row.id();
        switch (row.kind()) {
            case ACCEPTED -> {
                awaitAcknowledged(instance, row, 2);
                assertThat(content(instance, path)).isEqualTo("first");
                assertThat(content(instance, path + "-2")).isEqualTo("second");
                assertThat(rejectedByReason()).isEqualTo(before);
            }
            case REPLACE -> {
                awaitAcknowledged(instance, row, 2);
                assertThat(content(instance, path)).isEqualTo("second");
                assertThat(rejectedByReason()).isEqualTo(before);
            }
            case FORGET -> {
                awaitAcknowledged(instance, row, 2);
                assertThat(instance.get(path).statusCode()).isEqualTo(404);
                assertThat(rejectedByReason()).isEqualTo(before);
            }
            case DUPLICATE -> {
                awaitRejected("duplicate", before, 1);
                assertThat(content(instance, path)).isEqualTo("first");
                awaitAcknowledged(instance, row, 1);
            }
            case UNSEQUENCED -> {
                await().atMost(Duration.ofSeconds(60))
                        .untilAsserted(
                                () -> assertThat(content(instance, path + "-2")).isEqualTo("second"));
                assertThat(content(instance, path)).isEqualTo("first");
                assertThat(rejectedByReason()).isEqualTo(before);
            }
            case UNSEQUENCED_DUPLICATE -> {
                awaitRejected("duplicate", before, 1);
                assertThat(content(instance, path)).isEqualTo("first");
            }
            case UNSEQUENCED_REDELIVERED -> {
                await().atMost(Duration.ofSeconds(60))
                        .untilAsserted(() -> assertThat(content(instance, path)).isEqualTo("shed"));
                awaitRejected("over_capacity", before, 1);
            }
            case CLOSE -> {
                await().atMost(Duration.ofSeconds(30))
                        .until(() ->
                                session(instance, row).path("state").asText().equals("closed"));
                assertThat(session(instance, row).path("expected_sequence").asLong())
                        .isEqualTo(1);
                assertThat(rejectedByReason()).isEqualTo(before);
            }
            case SHED, REDELIVERED -> {
                await().atMost(Duration.ofSeconds(60))
                        .untilAsserted(() -> assertThat(content(instance, path)).isEqualTo("shed"));
                // The rejection that was to be written was undone with its transaction, and now there is room.
                awaitRejected("over_capacity", before, row.kind() == Kind.SHED ? 0 : 1);
                awaitAcknowledged(instance, row, 1);
                assertThat(session(instance, row).path("open_ranges")).isEmpty();
            }
        }
        JsonNode verified = Server.MAPPER.readTree(
                instance.post("/v1/verify", "{}", Duration.ofMinutes(2)).body());
        assertThat(verified.path("consistent").asBoolean())
                .as(verified.toPrettyString())
                .isTrue();
    }

    private static String content(Server instance, String path) throws Exception {
        return instance.json(path).path("content").asText();
    }

    private static JsonNode session(Server instance, Row row) throws Exception {
        return instance.json("/v1/sessions/" + SPACE + "/normal/" + row.session());
    }

    private static void awaitAcknowledged(Server instance, Row row, long sequence) {
        await().atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertThat(session(instance, row)
                                .path("acknowledged_sequence")
                                .asLong())
                        .isEqualTo(sequence));
    }

    private void awaitRejected(String reason, Map<String, Integer> before, int more) {
        Map<String, Integer> expected = new HashMap<>(before);
        if (more > 0) {
            expected.merge(reason, more, Integer::sum);
        }
        await().atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertThat(rejectedByReason()).isEqualTo(expected));
    }

    private Map<String, Integer> rejectedByReason() {
        Map<String, Integer> counts = new HashMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", "127.0.0.1:" + kafkaPort, "isolation.level", "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            TopicPartition rejected = new TopicPartition("engram-rejected", 0);
            if (!consumer.listTopics().containsKey(rejected.topic())) {
                return counts;
            }
            consumer.assign(List.of(rejected));
            consumer.seekToBeginning(List.of(rejected));
            long end = consumer.endOffsets(List.of(rejected)).get(rejected);
            while (consumer.position(rejected) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    counts.merge(
                            new String(
                                    record.headers().lastHeader("engram-reason").value(), StandardCharsets.UTF_8),
                            1,
                            Integer::sum);
                }
            }
        }
        return counts;
    }
}
