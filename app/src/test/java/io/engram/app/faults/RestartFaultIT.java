package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.Lane;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One instance with many memories: restarts, and everything that can happen to its files. */
@Tag("alone")
class RestartFaultIT {
    private static final int DIMENSION = FaultSettings.scaled(64, 768);
    private static final int MEMORIES = FaultSettings.scaled(6_000, 100_000);
    private static final Pattern COMPLETE = Pattern.compile(
            "The index of \\S+ is complete: (\\d+) memories taken over, (\\d+) confirmed, (\\d+) inserted, (\\d+) dropped");

    private final List<Server> servers = new ArrayList<>();

    @TempDir
    Path directory;

    private int kafkaPort;
    private Server broker;
    private Server instance;

    @BeforeEach
    void start() throws IOException {
        kafkaPort = Server.freePort();
        broker = Server.broker(directory.resolve("broker"), kafkaPort);
        servers.add(broker);
        broker.awaitReady();
        instance = instance(Server.freePort());
        instance.awaitReady();
    }

    private Server instance(int port, String... more) throws IOException {
        List<String> settings = new ArrayList<>(
                List.of("partitions=2", "shutdown.drain.ms=0", "admission.policy=backlog", "index.scan.threshold=0"));
        settings.addAll(List.of(more));
        Server server = Server.instance(
                directory.resolve("instance"),
                kafkaPort,
                port,
                List.of(FaultSettings.isLong() ? "-Xmx4g" : "-Xmx1g"),
                settings.toArray(String[]::new));
        servers.add(server);
        return server;
    }

    @AfterEach
    void stop() {
        servers.forEach(Server::close);
    }

    private void load(int from, int to) {
        try (Loader loader = new Loader(kafkaPort, DIMENSION)) {
            for (int i = from; i < to; i++) {
                loader.observe(i % 3 == 0 ? "small" : "large", Lane.NORMAL, "s" + from, "m" + i, "memory " + i);
            }
        }
        awaitMemories(to);
    }

    private void awaitMemories(long count) {
        await().atMost(Duration.ofMinutes(10))
                .pollInterval(Duration.ofMillis(200))
                .untilAsserted(() -> assertThat(instance.memories()).isEqualTo(count));
    }

    /** What became of the memories of the indexes; those that were taken over or looked up and found right need no insert. */
    private record Restored(long takenOver, long confirmed, long inserted, long dropped) {
        long kept() {
            return takenOver + confirmed;
        }
    }

    private Restored restored() throws IOException {
        Matcher line = COMPLETE.matcher(instance.output());
        long takenOver = 0;
        long confirmed = 0;
        long inserted = 0;
        long dropped = 0;
        while (line.find()) {
            takenOver += Long.parseLong(line.group(1));
            confirmed += Long.parseLong(line.group(2));
            inserted += Long.parseLong(line.group(3));
            dropped += Long.parseLong(line.group(4));
        }
        return new Restored(takenOver, confirmed, inserted, dropped);
    }

    private JsonNode post(String path) throws IOException, InterruptedException {
        return Server.MAPPER.readTree(
                instance.post(path, "{}", Duration.ofMinutes(5)).body());
    }

    private void assertConsistent() throws IOException, InterruptedException {
        JsonNode verified = post("/v1/verify");
        assertThat(verified.path("consistent").asBoolean())
                .as(verified.toPrettyString())
                .isTrue();
    }

    private long restart() throws IOException {
        instance.start();
        return instance.awaitReady();
    }

    private List<Path> files(Path under, String suffix) throws IOException {
        try (Stream<Path> paths = Files.walk(under)) {
            return paths.filter(path -> path.toString().endsWith(suffix) && Files.isRegularFile(path))
                    .sorted()
                    .toList();
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Test
    void shouldTakeTheIndexFromItsSnapshots() throws Exception {
        load(0, MEMORIES);
        measureSnapshot();
        instance.stop();
        long clean = restart();
        Restored afterClean = restored();
        awaitMemories(MEMORIES);
        FaultSettings.report(
                "restart with %,d memories of %d dimensions, clean stop: ready in %.1f s, %s",
                MEMORIES, DIMENSION, clean / 1e3, afterClean);
        assertThat(afterClean.kept()).isEqualTo(MEMORIES);
        assertThat(afterClean.inserted() + afterClean.dropped()).isZero();

        // What the last commit before the stop listed for its next opening is saved without the list once.
        post("/v1/snapshot");
        assertThat(post("/v1/snapshot").path("spaces").asInt())
                .as("nothing has changed since")
                .isZero();
        int more = MEMORIES / 100;
        load(MEMORIES, MEMORIES + more);
        instance.kill();
        long killed = restart();
        Restored afterKill = restored();
        awaitMemories(MEMORIES + more);
        FaultSettings.report(
                "restart with %,d memories after SIGKILL: ready in %.1f s, %s",
                MEMORIES + more, killed / 1e3, afterKill);
        assertThat(afterKill.kept()).isGreaterThanOrEqualTo(MEMORIES);
        // What was not committed when it was killed is not restored, but processed again.
        assertThat(afterKill.kept() + afterKill.inserted()).isBetween((long) MEMORIES, (long) MEMORIES + more);
        assertConsistent();

        instance.stop();
        delete(directory.resolve("instance/state/hnsw"));
        instance.start();
        await().atMost(Duration.ofSeconds(60)).until(() -> liveButNotReady() || instance.isReady());
        long rebuilt = instance.awaitReady();
        Restored afterLoss = restored();
        FaultSettings.report(
                "restart with %,d memories without snapshots: ready in %.1f s, %,d inserted",
                MEMORIES + more, rebuilt / 1e3, afterLoss.inserted());
        // Streams opens each store once before it starts: what was inserted until it closed it is confirmed then.
        assertThat(afterLoss.takenOver() + afterLoss.dropped()).isZero();
        assertThat(afterLoss.kept() + afterLoss.inserted()).isEqualTo(MEMORIES + more);
        assertThat(afterLoss.inserted()).isPositive();
        if (FaultSettings.isLong()) {
            assertThat(instance.output()).contains("Loading the index of");
        }
    }

    /** Observations go on while everything is saved: the stream threads must not notice. */
    private void measureSnapshot() throws Exception {
        Thread.sleep(FaultSettings.scaled(0, 62_000)); // the maxima look two windows of 30 s back
        JsonNode saved;
        try (Loader loader = new Loader(kafkaPort, DIMENSION)) {
            for (int i = 0; i < 200; i++) {
                // Of those that are there: every third is in the small space.
                loader.observe(i % 3 == 0 ? "small" : "large", Lane.HIGH, "during", "m" + i, "replaced while saving");
                if (i == 20) {
                    Thread.sleep(500); // both spaces have changed
                }
            }
            loader.flush();
            saved = post("/v1/snapshot");
        }
        FaultSettings.report(
                "snapshot of %,d memories: %s; longest call of a stream thread meanwhile: process %.1f ms, punctuate %.1f ms",
                MEMORIES,
                saved,
                instance.maxOf("kafka_stream_thread_process_latency_max"),
                instance.maxOf("kafka_stream_thread_punctuate_latency_max"));
        assertThat(saved.path("spaces").asInt()).isEqualTo(2);
    }

    private boolean liveButNotReady() throws InterruptedException {
        try {
            return instance.get("/livez").statusCode() == 200
                    && instance.get("/readyz").statusCode() == 503;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void shouldSurviveEveryDamageToItsFiles() throws Exception {
        int count = 3_000;
        load(0, count);
        Path state = directory.resolve("instance/state");
        Path indexes = state.resolve("hnsw");
        for (String damage : List.of("bit flip", "cut short", "zero length", "another file", "deleted")) {
            for (boolean whole : new boolean[] {true, false}) {
                instance.stop();
                Path file = fileOfAnIndex(indexes, whole);
                long lost = damage(file, damage);
                restart();
                awaitMemories(count);
                String what = damage + " of " + file;
                if (!damage.equals("deleted") || !whole) {
                    assertThat(instance.output())
                            .as(what)
                            .contains(file.getFileName().toString());
                }
                Restored restored = restored();
                assertThat(restored.inserted()).as(what).isPositive();
                assertThat(restored.kept() + restored.inserted())
                        .as("%s: %s", what, restored)
                        .isEqualTo(count);
                assertThat(lost).isPositive();
                assertConsistent();
            }
            // What says which store the indexes follow: everything is compared, and nothing need be inserted.
            instance.stop();
            damage(files(indexes, "store.identity").get(0), damage);
            restart();
            awaitMemories(count);
            assertThat(restored().inserted()).as(damage).isZero();
            assertThat(restored().kept()).as(damage).isEqualTo(count);
            assertConsistent();
        }

        // RocksDB gone: restored from the changelog, and the snapshots still save the work.
        instance.stop();
        delete(state.resolve("engram-streaming"));
        restart();
        awaitMemories(count);
        assertThat(restored()).isEqualTo(new Restored(0, count, 0, 0));
        assertConsistent();

        // The whole state directory gone.
        instance.stop();
        delete(state);
        restart();
        awaitMemories(count);
        assertThat(restored()).isEqualTo(new Restored(0, 0, count, 0));
        assertConsistent();

        // The broker killed and back with its data.
        broker.kill();
        Thread.sleep(3_000);
        assertThat(instance.get("/livez").statusCode()).isEqualTo(200);
        assertThat(instance.get("/v1/spaces/large/memories/m1").statusCode())
                .as("recall goes on without the broker")
                .isEqualTo(200);
        broker.start();
        broker.awaitReady();
        load(count, count + 500);
        assertConsistent();
    }

    /**
     * A file of an index that is not empty.
     *
     * @param whole true for the smaller one, which says what the index consists of; false for the larger one, which has the
     *     entries. An engine of one file has that in both places
     */
    private Path fileOfAnIndex(Path indexes, boolean whole) throws IOException {
        Path index = files(indexes, "").stream()
                .filter(file ->
                        !file.endsWith("store.identity") && file.toFile().length() > 0)
                .findFirst()
                .orElseThrow()
                .getParent();
        Comparator<Path> bySize = Comparator.comparingLong(file -> file.toFile().length());
        List<Path> files = files(index, "").stream()
                .filter(file -> file.toFile().length() > 0)
                .sorted(bySize)
                .toList();
        return files.get(whole ? 0 : files.size() - 1);
    }

    private static long damage(Path file, String kind) throws IOException {
        long size = Files.size(file);
        switch (kind) {
            case "bit flip" -> {
                try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "rw")) {
                    content.seek(size / 2);
                    int old = content.read();
                    content.seek(size / 2);
                    content.write(old ^ 4);
                }
            }
            case "cut short" -> {
                try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "rw")) {
                    content.setLength(size * 2 / 3);
                }
            }
            case "zero length" -> Files.write(file, new byte[0]);
            case "another file" -> Files.writeString(file, "not an index at all, but long enough to be one");
            default -> Files.delete(file);
        }
        return size;
    }

    @Test
    void shouldRefuseAnotherClusterAndKeepItsState() throws Exception {
        load(0, 500);
        Path state = directory.resolve("instance/state");
        Path cluster = state.resolve(".engram-cluster");
        // While it runs: an empty broker behind the same address.
        broker.kill();
        Server empty = Server.broker(directory.resolve("empty"), kafkaPort);
        servers.add(empty);
        empty.awaitReady();
        assertThat(instance.exitCode()).isEqualTo(1);
        assertThat(instance.output()).contains("so that no state is wiped");
        String before = Files.readString(cluster);
        List<Path> rocks = files(state, ".sst");

        // And when it is started again.
        instance.start();
        assertThat(instance.exitCode()).isEqualTo(1);
        assertThat(instance.output())
                .contains("holds the state of Kafka cluster " + before, "--accept-new-cluster")
                .doesNotContain("\tat ");
        assertThat(files(state, ".sst")).isEqualTo(rocks);

        // The right broker again: nothing is missing.
        empty.kill();
        broker.start();
        broker.awaitReady();
        restart();
        awaitMemories(500);
        assertConsistent();

        // Meant: the old state is put aside, not deleted.
        instance.stop();
        broker.kill();
        empty.start();
        empty.awaitReady();
        instance = instance(instance.port(), "--accept-new-cluster");
        instance.awaitReady();
        assertThat(instance.memories()).isZero();
        try (Stream<Path> aside = Files.list(state)) {
            assertThat(aside.map(path -> path.getFileName().toString()))
                    .anyMatch(name -> name.startsWith("cluster-" + before));
        }
    }

    @Test
    void shouldRestoreStateThatWasAwayForTooLong() throws Exception {
        load(0, 500);
        instance.stop();
        Path heartbeat = directory.resolve("instance/state/.engram-heartbeat");
        Files.setLastModifiedTime(
                heartbeat, java.nio.file.attribute.FileTime.fromMillis(System.currentTimeMillis() - 48L * 3_600_000));
        restart();

        assertThat(instance.output()).contains("was not in use for", "wiped and restored");
        awaitMemories(500);
        assertThat(restored()).isEqualTo(new Restored(0, 500, 0, 0));
        assertConsistent();
    }
}
