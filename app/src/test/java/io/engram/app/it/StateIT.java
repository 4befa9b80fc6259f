package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.cli.CommandRun;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.RejectionHeaders;
import io.engram.topology.SpacePartitioner;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What operators do with state: snapshots, comparisons, replays, retention, and a memory that is full. */
class StateIT {
    @TempDir
    Path stateDir;

    private CommandRun offline(String name, String... command) {
        return CommandRun.with(Instance.settings(name, stateDir), command);
    }

    private static Observation observation(int i) {
        return Observation.observe("s", i, "memory " + i, new float[] {1, i, i % 11})
                .withId("m" + i);
    }

    private static void load(Instance instance, int from, int to) {
        for (int i = from; i <= to; i++) {
            instance.send(Lane.NORMAL, "space", observation(i));
        }
        instance.flush();
    }

    @Test
    void shouldSaveCompareAndRepair() throws Exception {
        try (Instance instance = Instance.start("state", stateDir)) {
            load(instance, 1, 1_500);
            instance.awaitMemories(1_500);
            CommandRun saved = CommandRun.of("snapshot", "--json", "--url", instance.url());
            assertThat(saved.exit()).as(saved.err()).isZero();
            assertThat(saved.json().path("memories").asLong()).isEqualTo(1_500);

            CommandRun verified = CommandRun.of("verify", "--url", instance.url());
            assertThat(verified.exit()).as(verified.out()).isZero();
            assertThat(verified.out()).contains("1,500 stored, 1,500 indexed", "consistent");
            CommandRun inUse = offline("state", "verify", "--stopped");
            assertThat(inUse.exit()).isEqualTo(1);
            assertThat(inUse.err()).contains("an instance is using state.dir").doesNotContain("\tat ");
        }
        CommandRun stopped = offline("state", "verify", "--stopped", "--json");
        assertThat(stopped.exit()).as(stopped.out() + stopped.err()).isZero();
        assertThat(sum(stopped.json(), "stored")).isEqualTo(1_500);
        assertThat(sum(stopped.json(), "confirmed")).isEqualTo(1_500);

        Path damagedFile = largestFileOfAnIndex();
        byte[] bytes = Files.readAllBytes(damagedFile);
        bytes[bytes.length / 3] ^= 8;
        Files.write(damagedFile, bytes);
        CommandRun damaged = offline("state", "verify", "--stopped");
        assertThat(damaged.exit()).isEqualTo(1);
        assertThat(damaged.out()).contains("unusable: " + damagedFile, "checksum", "NOT consistent");
        CommandRun rebuilt = offline("state", "verify", "--stopped", "--rebuild");
        assertThat(rebuilt.exit()).as(rebuilt.out()).isZero();
        assertThat(rebuilt.out()).contains("removed: " + damagedFile.getParent());
        assertThat(damagedFile.getParent()).doesNotExist();
        assertThat(offline("state", "verify", "--stopped").exit()).isZero();

        try (Instance instance = Instance.start("state", stateDir)) {
            instance.awaitMemories(1_500);
            CommandRun verified = CommandRun.of("verify", "--url", instance.url());
            assertThat(verified.exit()).as(verified.out() + verified.err()).isZero();
        }
    }

    @Test
    void shouldFindDamageWhileItServes() throws Exception {
        try (Instance instance = Instance.start("damage", stateDir)) {
            load(instance, 1, 1_500);
            instance.awaitMemories(1_500);
        }
        try (Instance instance = Instance.start("damage", stateDir)) {
            instance.awaitMemories(1_500); // of files by now, not of the heap
            Path file = largestFileOfAnIndex();
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                ByteBuffer one = ByteBuffer.allocate(1);
                long at = channel.size() / 3;
                channel.read(one, at);
                channel.write(one.put(0, (byte) (one.get(0) ^ 8)).rewind(), at); // in place: it is mapped
            }

            CommandRun damaged = CommandRun.of("verify", "--url", instance.url());
            assertThat(damaged.exit()).as(damaged.out()).isEqualTo(1);
            assertThat(damaged.out()).contains("damaged: a file of the index of space");
            await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
                CommandRun mended = CommandRun.of("verify", "--url", instance.url());
                assertThat(mended.exit()).as(mended.out()).isZero();
                assertThat(mended.out()).contains("1,500 stored, 1,500 indexed");
            });
        }
    }

    private Path largestFileOfAnIndex() throws IOException {
        try (Stream<Path> paths = Files.walk(stateDir.resolve("hnsw"))) {
            return paths.filter(Files::isRegularFile)
                    .max(Comparator.comparingLong(path -> path.toFile().length()))
                    .orElseThrow();
        }
    }

    private static long sum(JsonNode answer, String field) {
        long sum = 0;
        for (JsonNode task : answer.path("tasks")) {
            sum += task.path(field).asLong();
        }
        return sum;
    }

    @Test
    void shouldReplayWithoutDoublingAnything() throws Exception {
        String[] settings = {
            "redelivery.enabled=false",
            "partitions=2",
            "queue.capacity.normal=100",
            "backpressure.hold.ms=200",
            "index.workers=1",
            "index.scan.threshold=0",
            Instance.SLOW_INDEX
        };
        try (Instance instance = Instance.start("replay", stateDir, settings)) {
            load(instance, 1, 3_000);
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> instance.memories() + instance.rejected().size() == 3_000
                            && instance.sumOf("engram_streaming_queue_depth") == 0);
            long shed = instance.rejected().size();
            assertThat(shed).isPositive();
            // One that is wrong for good.
            instance.sendRaw(Lane.NORMAL, "space".getBytes(StandardCharsets.UTF_8), new byte[] {'{'});
            instance.flush();
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> instance.rejected().size() == shed + 1);

            CommandRun dry = offline("replay", "replay", "--dry-run", "--json");
            assertThat(dry.exit()).as(dry.err()).isZero();
            assertThat(dry.json().path("by_reason").path("over_capacity").asLong())
                    .isEqualTo(shed);
            assertThat(dry.json().path("replayed").asLong()).isZero();
            assertThat(offline("replay", "replay", "--space", "other", "--json")
                            .json()
                            .path("chosen")
                            .asLong())
                    .isZero();
            assertThat(offline("replay", "replay", "--until", "2020-01-01T00:00:00Z", "--json")
                            .json()
                            .path("chosen")
                            .asLong())
                    .isZero();

            for (int i = 0; i < 2; i++) {
                CommandRun replayed = offline("replay", "replay", "--reason", "over_capacity");
                assertThat(replayed.exit()).as(replayed.err()).isZero();
                instance.awaitMemories(3_000);
            }
            assertThat(instance.rejected()).as("nothing new is rejected").hasSize((int) shed + 1);
            assertThat(instance.sumOf("engram_streaming_redelivered_dropped_total", "space"))
                    .isEqualTo(shed);
            CommandRun badReason = offline("replay", "replay", "--reason", "nonsense");
            assertThat(badReason.exit()).isEqualTo(2);
            assertThat(badReason.err()).contains("--reason must be one of", "nonsense");
        }
    }

    @Test
    void shouldRedeliverWhatWasShed() throws Exception {
        String[] settings = {
            "partitions=2",
            "queue.capacity.normal=100",
            "backpressure.hold.ms=200",
            "index.workers=1",
            "index.scan.threshold=0",
            Instance.SLOW_INDEX
        };
        try (Instance instance = Instance.start("redelivery", stateDir, settings)) {
            load(instance, 1, 3_000);
            instance.awaitMemories(3_000);
            List<ConsumerRecord<byte[], byte[]>> rejected = instance.rejected();
            assertThat(rejected)
                    .isNotEmpty()
                    .allSatisfy(record -> assertThat(Instance.reason(record)).isEqualTo("over_capacity"));
            assertThat(rejected.stream()
                            .map(record -> Instance.header(record, RejectionHeaders.SOURCE_OFFSET))
                            .distinct())
                    .as("each was shed once")
                    .hasSize(rejected.size());
            assertThat(instance.sumOf("engram_streaming_redelivered_total", "normal"))
                    .isGreaterThanOrEqualTo(rejected.size());
            await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
                JsonNode session = Instance.json(instance.get("/v1/sessions/space/normal/s"));
                assertThat(session.path("acknowledged_sequence").asLong()).isEqualTo(3_000);
                assertThat(session.path("open_ranges")).isEmpty();
            });
        }
    }

    @Test
    void shouldKeepWhatTheSettingsOfASpaceSay() throws Exception {
        try (Instance instance = Instance.start("retention", stateDir, "retention.max.memories=100000")) {
            load(instance, 1, 400);
            instance.awaitMemories(400);
            var put = instance.request(
                    HttpRequest.newBuilder()
                            .header("Content-Type", "application/json")
                            .PUT(HttpRequest.BodyPublishers.ofString("{\"max_memories\":100}")),
                    "/v1/spaces/space/settings?wait=indexed");
            assertThat(put.statusCode()).as(put.body()).isEqualTo(200);
            JsonNode settings = Instance.json(instance.get("/v1/spaces/space/settings"));
            assertThat(settings.path("max_memories").asLong()).isEqualTo(100);
            assertThat(settings.path("ttl_ms").isNull()).isTrue();
            assertThat(settings.path("effective").path("ttl_ms").asLong()).isZero();
            instance.awaitMemories(100);
            assertThat(instance.isRemembered("space", "m400")).isTrue();
            assertThat(instance.isRemembered("space", "m1")).isFalse();
            assertThat(instance.sumOf("engram_streaming_memories_expired_total", "space", "max_memories"))
                    .isEqualTo(300);
            var bad = instance.request(
                    HttpRequest.newBuilder()
                            .header("Content-Type", "application/json")
                            .PUT(HttpRequest.BodyPublishers.ofString("{\"ttl_ms\":\"1 day\"}")),
                    "/v1/spaces/space/settings");
            assertThat(bad.statusCode()).isEqualTo(400);
            assertThat(bad.body()).contains("settings.ttl_ms");
        }
        // Durable: the limit and what it took.
        try (Instance instance = Instance.start("retention", stateDir)) {
            instance.awaitMemories(100);
            load(instance, 401, 420);
            await().atMost(Duration.ofSeconds(10)).until(() -> instance.isRemembered("space", "m420"));
            instance.awaitMemories(100);
        }
    }

    /** With the engine that has all in the heap: the other one writes files before it gets that far. */
    @Test
    void shouldShedInsteadOfRunningOutOfMemory() throws Exception {
        try (Instance instance = Instance.start(
                "memory",
                stateDir,
                "index.engine=hnswlib",
                "index.max-memory=1500000",
                "admission.policy=backlog",
                "index.vector.cache.bytes=0")) {
            int sent = 0;
            // How much is taken is looked at every so often: an engine whose limit lies near the end may take all of it
            // before.
            while (sent < 5_000 || sent < 7_000 && instance.rejected().isEmpty()) {
                for (int i = 0; i < 250; i++) {
                    instance.send(Lane.NORMAL, "space", observation(++sent));
                }
                instance.flush();
                Thread.sleep(100);
            }
            int all = sent;
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> instance.memories() + instance.rejected().size() >= all);
            ConsumerRecord<byte[], byte[]> shed = instance.rejected().get(0);
            assertThat(Instance.reason(shed)).isEqualTo("over_capacity");
            assertThat(Instance.header(shed, RejectionHeaders.DETAIL))
                    .contains("index memory of this instance is full", "index.max-memory");
            assertThat(Instance.json(instance.get("/v1/backpressure"))
                            .path("level")
                            .asText())
                    .isEqualTo("overloaded");
            assertThat(instance.sumOf("engram_hnsw_index_memory_bytes")).isLessThan(2_500_000);
            // Room again: a limit for the space lets go of most of it, and what was shed comes in.
            instance.request(
                    HttpRequest.newBuilder()
                            .header("Content-Type", "application/json")
                            .PUT(HttpRequest.BodyPublishers.ofString("{\"max_memories\":200}")),
                    "/v1/spaces/space/settings");
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> instance.isRemembered("space", "m" + all) && instance.memories() <= 400);
        }
    }

    @Test
    void shouldSayWhatTheTopicsRetentionTook() throws Exception {
        try (Instance instance = Instance.start("expired", stateDir)) {
            load(instance, 1, 100);
            instance.awaitMemories(100);
        }
        // While nobody processes them, the lane's retention deletes records.
        int partition = SpacePartitioner.partition("space", 2);
        TopicPartition lane = new TopicPartition("expired-observations-normal", partition);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                        Map.of("bootstrap.servers", SharedBroker.bootstrapServers()),
                        new ByteArraySerializer(),
                        new ByteArraySerializer());
                Admin admin = Admin.create(Map.of("bootstrap.servers", SharedBroker.bootstrapServers()))) {
            long last = 0;
            for (int i = 1; i <= 30; i++) {
                Observation later = Observation.observe("later", i, "c", new float[] {1, i, 0})
                        .withId("later" + i);
                last = producer.send(new ProducerRecord<>(
                                lane.topic(), "space".getBytes(StandardCharsets.UTF_8), ObservationCodec.encode(later)))
                        .get()
                        .offset();
            }
            admin.deleteRecords(Map.of(lane, RecordsToDelete.beforeOffset(last + 1)))
                    .all()
                    .get();
        }
        try (Instance instance = Instance.start("expired", stateDir)) {
            instance.awaitMemories(100);
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> instance.sumOf("engram_streaming_records_deleted_total", "normal") >= 30);
            load(instance, 101, 110);
            instance.awaitMemories(110);
        }
    }
}
