package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.schemas.Lane;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A lane is deleted and made again under a running instance: it says so, ends, and goes on when it is started again. */
class LaneMadeAgainFaultIT {
    private static final String LANE = "engram-observations-normal";

    @TempDir
    Path directory;

    private final List<Server> servers = new ArrayList<>();
    private int kafkaPort;
    private Admin admin;
    private Server instance;

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
    }

    @AfterEach
    void stop() throws IOException {
        instance.keepLog("lane-made-again");
        admin.close();
        servers.forEach(Server::close);
    }

    private void makeLane(int partitions) throws Exception {
        await().atMost(Duration.ofSeconds(30)).ignoreExceptions().until(() -> {
            admin.createTopics(List.of(new NewTopic(LANE, Optional.of(partitions), Optional.empty())
                            .configs(Map.of("message.timestamp.type", "LogAppendTime"))))
                    .all()
                    .get();
            return true;
        });
    }

    private void awaitMemories(int count) {
        await().atMost(Duration.ofMinutes(1))
                .ignoreExceptions()
                .untilAsserted(() -> assertThat(instance.memories()).isEqualTo(count));
    }

    @Test
    void shouldEndAndGoOnWithTheNewLane() throws Exception {
        try (Loader loader = new Loader(kafkaPort, 8)) {
            for (int i = 1; i <= 30; i++) {
                loader.observe("notes", Lane.NORMAL, "me", "m" + i, "note " + i);
            }
            loader.flush();
            awaitMemories(30);
            // With too few partitions first: that it has to be mended is said for as long as it lasts.
            admin.deleteTopics(List.of(LANE)).all().get();
            makeLane(1);
            await().atMost(Duration.ofMinutes(1))
                    .ignoreExceptions()
                    .untilAsserted(() -> assertThat(instance.get("/readyz").body())
                            .contains(LANE + " was deleted and made again", LANE + " has 1 partitions"));
            admin.createPartitions(Map.of(LANE, NewPartitions.increaseTo(2)))
                    .all()
                    .get();

            assertThat(instance.exitCode()).isEqualTo(1);
            assertThat(instance.output())
                    .contains(
                            LANE + " was deleted and made again",
                            "Deleted and made again: [" + LANE + "]",
                            "All that was committed is in state.dir now");
        }
        instance.start();
        instance.awaitReady();
        try (Loader loader = new Loader(kafkaPort, 8)) {
            for (int i = 31; i <= 33; i++) {
                loader.observe("notes", Lane.NORMAL, "another", "m" + i, "note " + i);
            }
            loader.flush();
            awaitMemories(33);
        }
    }
}
