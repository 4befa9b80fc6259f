package io.engram.app.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.app.kafka.EmbeddedKafka;
import io.engram.app.kafka.TestTopics;
import io.engram.app.query.Cluster;
import io.engram.app.query.LocalStores;
import io.engram.schemas.Topics;
import io.engram.topology.store.OpenStores;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Members of a group in which nobody serves: their tasks have no store of memories. */
class ReadinessIT {
    private static final Topics TOPICS = new Topics("none");

    @TempDir
    Path directory;

    private EmbeddedKafka broker;

    /** A member, and whether it is ready. */
    private final class Member implements AutoCloseable {
        private final KafkaStreams streams;
        private final LocalStores stores;
        private final Readiness readiness;

        Member(String server) {
            Properties settings = new Properties();
            settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "readiness");
            settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers());
            settings.put(StreamsConfig.APPLICATION_SERVER_CONFIG, server);
            settings.put(
                    StreamsConfig.STATE_DIR_CONFIG,
                    directory.resolve(server.replace(':', '-')).toString());
            StreamsBuilder builder = new StreamsBuilder();
            builder.stream("in", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                    .foreach((key, value) -> {});
            streams = new KafkaStreams(builder.build(), settings);
            stores = new LocalStores(streams, TOPICS, 1, new OpenStores(), Optional::empty);
            readiness = new Readiness(
                    streams, stores, new Cluster(streams, stores, server, System::nanoTime), new StateDisk(directory));
            streams.start();
        }

        boolean runs() {
            return streams.state() == KafkaStreams.State.RUNNING && stores.threadsRun();
        }

        boolean hasTask() {
            return streams.metadataForLocalThreads().stream()
                    .anyMatch(thread -> !thread.activeTasks().isEmpty());
        }

        @Override
        public void close() {
            streams.close(Duration.ofSeconds(20));
        }
    }

    private static void awaitRunning(Member... members) {
        await().atMost(Duration.ofSeconds(90)).until(() -> {
            for (Member member : members) {
                if (!member.runs()) {
                    return false;
                }
            }
            return List.of(members).stream().filter(Member::hasTask).count() == 1;
        });
    }

    @Test
    void shouldBeReadyForNothingOnlyWhereAnotherMayServe() throws Exception {
        broker = EmbeddedKafka.start(directory.resolve("broker"), 0);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
            TestTopics.create(admin, List.of(new NewTopic("in", 1, (short) 1)));
            try (Member one = new Member("127.0.0.1:1")) {
                awaitRunning(one);
                assertThat(one.stores.servesAny()).isFalse();
                assertThat(one.stores.allServe()).as("its task has no store").isFalse();
                assertThat(one.readiness.isReached()).isFalse();

                try (Member two = new Member("127.0.0.1:2")) {
                    awaitRunning(one, two);
                    Member idle = one.hasTask() ? two : one;
                    Member busy = one.hasTask() ? one : two;
                    assertThat(idle.stores.servesAny()).isFalse();
                    assertThat(idle.stores.allServe()).as("it has no task").isTrue();
                    await().atMost(Duration.ofSeconds(30)).until(idle.readiness::isReached);
                    assertThat(busy.readiness.isReached()).isFalse();
                    assertThat(busy.readiness.wasReached()).isFalse();

                    // What it had may have gone with the thread, whatever the group says: it is settled again first.
                    idle.readiness.threadDied();
                    assertThat(idle.readiness.isReached())
                            .as("its threads run, and it knows another")
                            .isTrue();

                    idle.readiness.startOver();
                    assertThat(idle.readiness.wasReached()).isFalse();
                    assertThat(idle.readiness.isReached()).isTrue();
                }
            }
        } finally {
            broker.close();
        }
    }
}
