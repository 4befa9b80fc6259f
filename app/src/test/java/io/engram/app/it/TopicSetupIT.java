package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.app.kafka.EmbeddedKafka;
import io.engram.app.kafka.TestTopics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.server.policy.CreateTopicPolicy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TopicSetupIT {
    @TempDir
    Path stateDir;

    private static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", SharedBroker.bootstrapServers()));
    }

    private static NewTopic topic(String name, int partitions, Map<String, String> settings) {
        return new NewTopic(name, Optional.of(partitions), Optional.empty()).configs(settings);
    }

    @Test
    void shouldCreateTopicsWithExplicitSettings() throws InterruptedException, ExecutionException {
        try (Instance instance = Instance.start("topics", stateDir);
                Admin admin = admin()) {
            assertThat(instance.get("/readyz").statusCode()).isEqualTo(200);
            Config lane = config(admin, "topics-observations-high");
            assertThat(lane.get("cleanup.policy").value()).isEqualTo("delete");
            assertThat(lane.get("max.message.bytes").value()).isEqualTo("33554432");
            assertThat(lane.get("compression.type").value()).isEqualTo("uncompressed");
            Config rejected = config(admin, "topics-rejected");
            assertThat(rejected.get("max.message.bytes").value()).isEqualTo("8388608");
            assertThat(rejected.get("retention.ms").value()).isEqualTo("604800000");
            for (String name : admin.listTopics().names().get()) {
                if (name.startsWith("topics-")) {
                    assertThat(config(admin, name).get("message.timestamp.type").value())
                            .as(name)
                            .isEqualTo("LogAppendTime");
                }
            }
            for (String compacted : List.of(
                    "topics-sessions", "topics-backpressure", "topics-memory-changelog", "topics-sessions-changelog")) {
                assertThat(config(admin, compacted).get("cleanup.policy").value())
                        .as(compacted)
                        .isEqualTo("compact");
            }
        }
    }

    private static Config config(Admin admin, String topic) throws InterruptedException, ExecutionException {
        Collection<Config> configs = admin.describeConfigs(
                        List.of(new ConfigResource(ConfigResource.Type.TOPIC, topic)))
                .all()
                .get()
                .values();
        return configs.iterator().next();
    }

    @Test
    void shouldRefuseLanesOfUnequalPartitions() throws InterruptedException, ExecutionException {
        try (Admin admin = admin()) {
            TestTopics.create(
                    admin,
                    List.of(
                            topic("unequal-observations-high", 2, Map.of()),
                            topic("unequal-observations-low", 3, Map.of())));
        }
        assertThatThrownBy(() -> Instance.start("unequal", stateDir))
                .hasMessageContaining("equal numbers of partitions")
                .hasMessageContaining("unequal-observations-low=3");
    }

    @Test
    void shouldRefuseOtherNumberOfPartitionsAndCompactedLanes() throws InterruptedException, ExecutionException {
        try (Admin admin = admin()) {
            TestTopics.create(
                    admin,
                    List.of(
                            topic("three-observations-high", 3, Map.of()),
                            topic("three-observations-normal", 3, Map.of()),
                            topic("three-observations-low", 3, Map.of()),
                            topic("compacted-observations-high", 2, Map.of("cleanup.policy", "compact"))));
        }
        assertThatThrownBy(() -> Instance.start("three", stateDir)).hasMessageContaining("set partitions=3");
        assertThatThrownBy(() -> Instance.start("compacted", stateDir)).hasMessageContaining("compacted");
    }

    @Test
    void shouldCreateNothingWhenAnythingDoesNotFit() throws InterruptedException, ExecutionException {
        try (Admin admin = admin()) {
            TestTopics.create(
                    admin,
                    List.of(
                            topic("nothing-observations-low", 2, Map.of("cleanup.policy", "compact")),
                            topic("nothing-sessions", 2, Map.of())));
            assertThatThrownBy(() -> Instance.start("nothing", stateDir)).hasMessageContaining("compacted");
            assertThat(admin.listTopics().names().get())
                    .filteredOn(name -> name.startsWith("nothing-"))
                    .containsExactlyInAnyOrder("nothing-observations-low", "nothing-sessions");
        }
    }

    @Test
    void shouldWorkWithABrokerThatAllowsEightMebibytes(@TempDir Path brokerDir) throws Exception {
        try (EmbeddedKafka broker = capped(brokerDir);
                Instance instance = Instance.start("capped", stateDir, at(broker))) {
            assertThat(instance.post(
                                    "/v1/spaces/notes/observations?wait=indexed",
                                    "{\"content\":\"c\",\"embedding\":[1,0,0]}")
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void shouldSayWhichTopicTheBrokerDoesNotAllowAndWhatToDo(@TempDir Path brokerDir) throws Exception {
        try (EmbeddedKafka broker = capped(brokerDir);
                Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
            assertThatThrownBy(() -> Instance.start("over", stateDir, at(broker), "topics.max.message.bytes=9437184"))
                    .hasMessageContaining("topic over-observations-high")
                    .hasMessageContaining("exceeds")
                    .hasMessageContaining("Set topics.max.message.bytes (now 9437184)")
                    .hasMessageContaining("kafka-topics --create --topic over-observations-high --partitions 2");
            assertThat(admin.listTopics().names().get()).isEmpty();
        }
    }

    @Test
    void shouldWorkWithABrokerThatAllowsNoFuture(@TempDir Path brokerDir) throws Exception {
        // The broker holds its own topics to both limits too, and a record of them is a few milliseconds old when it
        // comes.
        Map<String, String> strict =
                Map.of("log.message.timestamp.after.max.ms", "0", "log.message.timestamp.before.max.ms", "60000");
        try (EmbeddedKafka broker = EmbeddedKafka.start(brokerDir, 0, strict);
                Instance instance = Instance.start("strict", stateDir, at(broker))) {
            for (String lane : List.of("low", "normal", "high")) {
                // The changelog takes the lane's deadline, which lies ahead, for the record's time.
                String body = "{\"id\":\"" + lane + "\",\"content\":\"c\",\"embedding\":[1,0,0]}";
                assertThat(instance.post("/v1/spaces/notes/observations?wait=indexed&priority=" + lane, body)
                                .statusCode())
                        .as(lane)
                        .isEqualTo(200);
            }
        }
    }

    @Test
    void shouldRefuseTopicsThatTakeTheTimeOfClients() throws InterruptedException, ExecutionException {
        try (Admin admin = admin()) {
            TestTopics.create(
                    admin, List.of(topic("created-rejected", 2, Map.of("message.timestamp.type", "CreateTime"))));
        }
        assertThatThrownBy(() -> Instance.start("created", stateDir))
                .hasMessageContaining("topic created-rejected has message.timestamp.type=CreateTime")
                .hasMessageContaining("nothing is lost")
                .hasMessageContaining("--add-config message.timestamp.type=LogAppendTime");
    }

    private static String at(EmbeddedKafka broker) {
        return "kafka.bootstrap.servers=" + broker.bootstrapServers();
    }

    private static EmbeddedKafka capped(Path directory) throws IOException {
        return EmbeddedKafka.start(
                directory, 0, Map.of("create.topic.policy.class.name", EightMebibytes.class.getName()));
    }

    /** What managed clouds allow. */
    public static final class EightMebibytes implements CreateTopicPolicy {
        @Override
        public void configure(Map<String, ?> settings) {}

        @Override
        public void validate(RequestMetadata request) {
            long bytes = Long.parseLong(request.configs().getOrDefault("max.message.bytes", "0"));
            if (bytes > 8 << 20) {
                throw new PolicyViolationException("max.message.bytes " + bytes + " exceeds 8388608");
            }
        }

        @Override
        public void close() {}
    }
}
