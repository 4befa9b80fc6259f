package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.cli.CommandRun;
import io.engram.app.kafka.TestTopics;
import io.engram.schemas.Lane;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Somebody deletes the changelog of a running instance: what is left of the memories stays. */
@Tag("alone")
class ChangelogLossFaultIT {
    private static final String GROUP = "engram-streaming";
    private static final String MEMORIES_CHANGELOG = GROUP + "-memory-changelog";
    private static final String SESSIONS_CHANGELOG = GROUP + "-sessions-changelog";
    private static final int MEMORIES = 400;

    private final List<Server> servers = new ArrayList<>();

    @TempDir
    Path directory;

    private int kafkaPort;
    private Server instance;
    private Admin admin;

    @BeforeEach
    void start() throws IOException {
        kafkaPort = Server.freePort();
        Server broker = Server.broker(directory.resolve("broker"), kafkaPort);
        servers.add(broker);
        broker.awaitReady();
        admin = Admin.create(Map.of("bootstrap.servers", "127.0.0.1:" + kafkaPort));
        instance = Server.instance(
                directory.resolve("instance"), kafkaPort, Server.freePort(), "partitions=2", "shutdown.drain.ms=0");
        servers.add(instance);
        instance.awaitReady();
        try (Loader loader = new Loader(kafkaPort, 16)) {
            for (int i = 0; i < MEMORIES; i++) {
                loader.observe(i % 3 == 0 ? "small" : "large", Lane.NORMAL, "s", "m" + i, "memory " + i);
            }
        }
        await().atMost(Duration.ofMinutes(2))
                .untilAsserted(() -> assertThat(instance.memories()).isEqualTo(MEMORIES));
        // What is not is in the lanes still, and no part of what the state keeps.
        await().atMost(Duration.ofMinutes(1)).until(() -> committed() == MEMORIES);
    }

    /** Records of the lanes that were processed in transactions which are committed. */
    private long committed() throws Exception {
        return admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get().values().stream()
                .mapToLong(OffsetAndMetadata::offset)
                .sum();
    }

    @AfterEach
    void stop() throws IOException {
        instance.keepLog("changelog-loss");
        admin.close();
        servers.forEach(Server::close);
    }

    private Path state() {
        return directory.resolve("instance/state");
    }

    private List<Path> tables() throws IOException {
        try (Stream<Path> paths = Files.walk(state())) {
            return paths.filter(path -> path.toString().endsWith(".sst"))
                    .sorted()
                    .toList();
        }
    }

    private String run(int expected, String... command) {
        CommandRun run = CommandRun.with(
                List.of("kafka.bootstrap.servers=127.0.0.1:" + kafkaPort, "partitions=2", "state.dir=" + state()),
                command);
        assertThat(run.exit()).as(run.out() + run.err()).isEqualTo(expected);
        return run.out();
    }

    private void assertKept(String changelog, String trouble) throws Exception {
        assertThat(instance.exitCode()).isEqualTo(1);
        assertThat(instance.output())
                .contains(
                        changelog,
                        "stopping at once",
                        "All that was committed is in state.dir now",
                        "EngramTopicsChanged");
        JsonNode left = Server.MAPPER.readTree(run(1, "verify", "--stopped", "--json"));
        long stored = 0;
        for (JsonNode task : left.path("tasks")) {
            stored += task.path("stored").asLong();
        }
        assertThat(stored).as(left.toPrettyString()).isEqualTo(MEMORIES);
        assertThat(left.path("changelog").asText()).contains(changelog, trouble);

        List<Path> tables = tables();
        instance.start();
        assertThat(instance.exitCode()).isEqualTo(1);
        assertThat(instance.output())
                .contains("follows the changelog " + changelog, trouble, "Nothing was changed")
                .doesNotContain("\tat ");
        assertThat(tables()).isEqualTo(tables);

        // The brokers notice after a while that the instance has gone.
        await().atMost(Duration.ofMinutes(1))
                .until(() -> admin.describeConsumerGroups(List.of(GROUP))
                        .all()
                        .get()
                        .get(GROUP)
                        .members()
                        .isEmpty());
        run(0, "refill");
        assertThat(tables()).as("put aside, not deleted").hasSameSizeAs(tables);
        instance.start();
        instance.awaitReady();
        await().atMost(Duration.ofMinutes(2))
                .untilAsserted(() -> assertThat(instance.memories()).isEqualTo(MEMORIES));
    }

    @ParameterizedTest
    @ValueSource(strings = {MEMORIES_CHANGELOG, SESSIONS_CHANGELOG})
    void shouldEndAndKeepEverythingWhenAChangelogIsDeleted(String changelog) throws Exception {
        admin.deleteTopics(List.of(changelog)).all().get();
        assertKept(changelog, "is not there");
    }

    @Test
    void shouldEndAndKeepEverythingWhenTheChangelogIsMadeAgain() throws Exception {
        admin.deleteTopics(List.of(MEMORIES_CHANGELOG)).all().get();
        TestTopics.createAgain(
                admin,
                new NewTopic(MEMORIES_CHANGELOG, Optional.of(2), Optional.empty())
                        .configs(Map.of("cleanup.policy", "compact", "message.timestamp.type", "LogAppendTime")));
        assertKept(MEMORIES_CHANGELOG, "was deleted and made again");
    }
}
