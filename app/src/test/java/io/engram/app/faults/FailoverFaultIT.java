package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.SpacePartitioner;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/** Recall goes on while instances die, are replaced one by one, come and go. */
@Tag("alone")
class FailoverFaultIT {
    private static final int DIMENSION = 64;
    private static final int PARTITIONS = 4;
    private static final List<String> SPACES = onePerPartition();

    /** A space on each partition, so that each has something to lose. */
    private static List<String> onePerPartition() {
        List<String> spaces = new ArrayList<>();
        for (int i = 0; spaces.size() < PARTITIONS; i++) {
            if (SpacePartitioner.partition("space-" + (char) ('a' + i), PARTITIONS) == spaces.size()) {
                spaces.add("space-" + (char) ('a' + i));
                i = -1;
            }
        }
        return spaces;
    }

    private final List<Server> servers = new ArrayList<>();

    @TempDir
    Path directory;

    private int kafkaPort;

    @AfterEach
    void stop(TestInfo test) throws IOException {
        String name = test.getTestMethod().orElseThrow().getName();
        for (int i = 0; i < servers.size(); i++) {
            servers.get(i).close();
            servers.get(i).keepLog(name + "-" + i);
        }
    }

    private void startBroker() throws IOException {
        kafkaPort = Server.freePort();
        Server broker = Server.broker(directory.resolve("broker"), kafkaPort);
        servers.add(broker);
        broker.awaitReady();
    }

    private Server startInstance() throws IOException {
        int port = Server.freePort();
        Server instance = Server.instance(
                directory.resolve("instance-" + servers.size()),
                kafkaPort,
                port,
                List.of("-Xmx1g"),
                "partitions=4",
                "cluster.secret=only-we-know",
                "shutdown.drain.ms=500");
        servers.add(instance);
        return instance;
    }

    private void load(int memories) {
        try (Loader loader = new Loader(kafkaPort, DIMENSION)) {
            for (int i = 0; i < memories; i++) {
                loader.observe(SPACES.get(i % SPACES.size()), Lane.NORMAL, "s", "m" + i, "memory " + i);
            }
        }
    }

    private static void awaitMemories(Server instance, long count) {
        await().atMost(Duration.ofMinutes(5))
                .pollInterval(Duration.ofMillis(200))
                .untilAsserted(() -> assertThat(instance.memories()).isEqualTo(count));
    }

    /** Every partition has an active copy and a standby that may answer. */
    private static void awaitWarm(Server instance, int partitions) {
        await().atMost(Duration.ofMinutes(5))
                .pollInterval(Duration.ofMillis(200))
                .untilAsserted(() -> {
                    JsonNode cluster = instance.json("/v1/cluster");
                    Map<String, Set<Integer>> byRole = new TreeMap<>();
                    for (JsonNode each : cluster.path("instances")) {
                        for (JsonNode partition : each.path("partitions")) {
                            byRole.computeIfAbsent(partition.path("role").asText(), role -> new TreeSet<>())
                                    .add(partition.path("partition").asInt());
                        }
                    }
                    assertThat(byRole).as(cluster.toString()).containsKeys("active", "standby");
                    assertThat(byRole.get("active")).as(cluster.toString()).hasSize(partitions);
                    assertThat(byRole.get("standby")).as(cluster.toString()).hasSize(partitions);
                });
    }

    @Test
    void shouldAnswerFromTheStandbyWhenTheActiveInstanceIsKilled() throws Exception {
        int memories = FaultSettings.scaled(4_000, 50_000);
        startBroker();
        Server victim = startInstance();
        victim.awaitReady();
        Server survivor = startInstance();
        survivor.awaitReady();
        load(memories);
        awaitMemories(survivor, memories);
        awaitWarm(survivor, 4);

        try (RecallProbe probe = new RecallProbe(() -> survivor, SPACES, DIMENSION)) {
            probe.start(20);
            Thread.sleep(2_000);
            long killed = System.nanoTime();
            victim.kill();
            Thread.sleep(FaultSettings.scaled(10_000, 20_000));
            List<RecallProbe.Sample> samples = probe.finish();

            long failed = samples.stream().filter(RecallProbe.Sample::failed).count();
            double firstStandbyMs = samples.stream()
                    .filter(sample ->
                            sample.answeredAt() > killed && sample.role().equals("standby"))
                    .mapToDouble(sample -> (sample.answeredAt() - killed) / 1e6)
                    .min()
                    .orElse(Double.NaN);
            double slowest =
                    samples.stream().mapToDouble(RecallProbe.Sample::ms).max().orElse(0);
            FaultSettings.report(
                    "failover: %,d memories, %d recalls at 20/s, %d failed (%.2f %%), longest gap %.0f ms, slowest %.0f ms,"
                            + " first standby answer %.0f ms after the kill",
                    memories,
                    samples.size(),
                    failed,
                    100.0 * failed / samples.size(),
                    RecallProbe.longestGapMs(samples),
                    slowest,
                    firstStandbyMs);
            assertNoneFailed(samples);
            assertThat(firstStandbyMs).isLessThan(1_000);
        }
        // Writes go on as well, and what is written now can be read at once.
        try (Loader loader = new Loader(kafkaPort, DIMENSION)) {
            loader.observe(SPACES.get(0), Lane.HIGH, "after", "after", "after the kill");
        }
        await().atMost(Duration.ofSeconds(30))
                .until(() -> survivor.get("/v1/spaces/" + SPACES.get(0) + "/memories/after")
                                .statusCode()
                        == 200);
        awaitMemories(survivor, memories + 1);
    }

    /** As an instance leaves it that is killed between sending the offsets of a transaction and its end. */
    private KafkaProducer<byte[], byte[]> openTransaction() {
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        "127.0.0.1:" + kafkaPort,
                        "transactional.id",
                        "killed",
                        "transaction.timeout.ms",
                        60_000),
                new ByteArraySerializer(),
                new ByteArraySerializer());
        producer.initTransactions();
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            offsets.put(
                    new TopicPartition(new Topics("engram").observations(Lane.LOW), partition),
                    new OffsetAndMetadata(0));
        }
        try (KafkaConsumer<byte[], byte[]> group = new KafkaConsumer<>(
                Map.of("bootstrap.servers", "127.0.0.1:" + kafkaPort, "group.id", "engram-streaming"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            producer.sendOffsetsToTransaction(offsets, group.groupMetadata());
        }
        return producer;
    }

    @Test
    void shouldAnswerWhileTheTransactionOfADeadInstanceIsOpen() throws Exception {
        startBroker();
        Server victim = startInstance();
        victim.awaitReady();
        Server survivor = startInstance();
        survivor.awaitReady();
        load(400);
        awaitMemories(survivor, 400);
        awaitWarm(survivor, 4);

        try (RecallProbe probe = new RecallProbe(() -> survivor, SPACES, DIMENSION);
                KafkaProducer<byte[], byte[]> open = openTransaction()) {
            probe.start(20);
            victim.kill();
            Thread.sleep(15_000); // the group notices after 6
            assertNoneFailed(probe.finish());
            open.abortTransaction();
        }
        try (Loader loader = new Loader(kafkaPort, DIMENSION)) {
            loader.observe(SPACES.get(0), Lane.HIGH, "after", "after", "after the kill");
        }
        awaitMemories(survivor, 401);
    }

    @Test
    void shouldLoseNoRecallInARollingRestartAndWhileScaling() throws Exception {
        startBroker();
        Server one = startInstance();
        one.awaitReady();
        load(1_000);
        awaitMemories(one, 1_000);
        List<Server> inService = new CopyOnWriteArrayList<>(List.of(one));
        AtomicInteger turn = new AtomicInteger();
        int perSecond = FaultSettings.scaled(150, 500);
        Workload workload = new Workload("127.0.0.1:" + kafkaPort, new Topics("engram"), 3, perSecond);
        // A load balancer sends nothing to whom it has taken out of service.
        try (workload;
                RecallProbe probe = new RecallProbe(
                        () -> inService.get(Math.floorMod(turn.getAndIncrement(), inService.size())),
                        SPACES,
                        DIMENSION)) {
            probe.start(20);
            workload.start();
            // 1 → 2 → 3
            for (int i = 0; i < 2; i++) {
                Server added = startInstance();
                added.awaitReady();
                inService.add(added);
                Thread.sleep(FaultSettings.scaled(1_000, 10_000));
            }
            // Each of the three once.
            for (Server server : List.copyOf(inService)) {
                awaitWarm(one, 4);
                takeOut(inService, server);
                server.start();
                server.awaitReady();
                inService.add(server);
                Thread.sleep(FaultSettings.scaled(500, 5_000));
            }
            // 3 → 1
            for (int i = 0; i < 2; i++) {
                awaitWarm(inService.get(0), 4);
                takeOut(inService, inService.get(inService.size() - 1));
                Thread.sleep(FaultSettings.scaled(1_000, 5_000));
            }
            workload.finish();
            List<RecallProbe.Sample> samples = probe.finish();
            long failed = samples.stream().filter(RecallProbe.Sample::failed).count();
            FaultSettings.report(
                    "rolling restart of 3 and scaling 1-2-3-1 under %d obs/s and 20 recalls/s: %d recalls, %d failed, longest"
                            + " gap %.0f ms, slowest %.0f ms",
                    perSecond,
                    samples.size(),
                    failed,
                    RecallProbe.longestGapMs(samples),
                    samples.stream().mapToDouble(RecallProbe.Sample::ms).max().orElse(0));
            assertNoneFailed(samples);
        }
        Server last = inService.get(0);
        String log = last.output();
        assertThat(log).doesNotContain("cannot be used");
        // The spaces of the probe are in the lanes as well: the checker knows them all.
        Checker.Verdict verdict = new Checker("127.0.0.1:" + kafkaPort, "engram", last).check();
        FaultSettings.report("rolling restart: %,d records, nothing lost, nothing doubled", verdict.records());
    }

    private static void assertNoneFailed(List<RecallProbe.Sample> samples) {
        List<String> failures = samples.stream()
                .filter(RecallProbe.Sample::failed)
                .map(sample -> "%.1f s: %s"
                        .formatted((sample.askedAt() - samples.get(0).askedAt()) / 1e9, sample.error()))
                .toList();
        assertThat(failures).isEmpty();
    }

    /** The load balancer first, then the instance. */
    private static void takeOut(List<Server> inService, Server server) throws InterruptedException {
        inService.remove(server);
        server.stop();
    }

    @Test
    void shouldRefuseCallsWithoutTheSecret() throws Exception {
        startBroker();
        Server one = startInstance();
        one.awaitReady();
        Server two = startInstance();
        two.awaitReady();
        load(400);
        awaitMemories(one, 400);

        var http = java.net.http.HttpClient.newHttpClient();
        var forged = java.net.http.HttpRequest.newBuilder(java.net.URI.create(one.url("/v1/cluster")))
                .header("Engram-Hop", "1")
                .header("Authorization", "Bearer wrong")
                .build();
        var answer = http.send(forged, java.net.http.HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(401);
        assertThat(answer.body()).contains("cluster.secret").doesNotContain("only-we-know");
        // Any instance answers for any space, and says who did.
        for (Server asked : List.of(one, two)) {
            for (String space : SPACES) {
                JsonNode found = Server.MAPPER.readTree(asked.post(
                                "/v1/spaces/" + space + "/recall",
                                "{\"vector\":[" + "1,".repeat(DIMENSION - 1) + "1],\"consistency\":\"committed\"}")
                        .body());
                assertThat(found.path("results")).as(found.toString()).hasSize(10);
                assertThat(found.path("role").asText()).isEqualTo("active");
                assertThat(found.path("served_by").asText()).startsWith("http://127.0.0.1:");
            }
            JsonNode merged = Server.MAPPER.readTree(asked.post(
                            "/v1/recall",
                            "{\"spaces\":[\"" + String.join("\",\"", SPACES) + "\",\"nowhere\"],\"vector\":["
                                    + "1,".repeat(DIMENSION - 1) + "1],\"k\":20}")
                    .body());
            assertThat(merged.path("results")).hasSize(20);
            assertThat(merged.path("partial").asBoolean()).isTrue();
            assertThat(merged.path("failed").path(0).path("space").asText()).isEqualTo("nowhere");
            assertThat(asked.json("/v1/cluster").path("instances")).hasSize(2);
            assertThat(asked.json("/v1/spaces").path("partial").asBoolean()).isFalse();
        }
        shouldReadItsOwnWritesAnywhere(one, two);
    }

    private static void shouldReadItsOwnWritesAnywhere(Server one, Server two) throws Exception {
        for (int i = 0; i < 20; i++) {
            Server writer = i % 2 == 0 ? one : two;
            Server reader = i % 2 == 0 ? two : one;
            String space = SPACES.get(i % SPACES.size());
            String vector = "[" + (i + 1) + ",-1" + ",0".repeat(DIMENSION - 2) + "]";
            var written = writer.post(
                    "/v1/spaces/" + space + "/observations?priority=high",
                    "{\"id\":\"own-" + i + "\",\"content\":\"c\",\"embedding\":" + vector + "}");
            assertThat(written.statusCode()).as(written.body()).isEqualTo(202);
            JsonNode at = Server.MAPPER.readTree(written.body());
            var read = reader.post(
                    "/v1/spaces/" + space + "/recall",
                    "{\"vector\":" + vector + ",\"k\":1,\"min_offsets\":{\"high-"
                            + at.path("partition").asInt() + "\":"
                            + at.path("offset").asLong() + "}}");
            assertThat(read.statusCode()).as(read.body()).isEqualTo(200);
            assertThat(Server.MAPPER
                            .readTree(read.body())
                            .path("results")
                            .path(0)
                            .path("id")
                            .asText())
                    .isEqualTo("own-" + i);
            var waited = writer.post(
                    "/v1/spaces/" + space + "/observations?wait=indexed",
                    "{\"id\":\"waited-" + i + "\",\"content\":\"c\",\"embedding\":" + vector + "}");
            assertThat(waited.statusCode()).as(waited.body()).isEqualTo(200);
            assertThat(Server.MAPPER.readTree(waited.body()).path("status").asText())
                    .isEqualTo("indexed");
        }
    }
}
