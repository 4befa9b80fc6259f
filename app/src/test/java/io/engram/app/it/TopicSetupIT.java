package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
            assertThat(lane.get("message.timestamp.type").value()).isEqualTo("LogAppendTime");
            assertThat(lane.get("max.message.bytes").value()).isEqualTo("8388608");
            Config rejected = config(admin, "topics-rejected");
            assertThat(rejected.get("max.message.bytes").value()).isEqualTo("9437184");
            assertThat(rejected.get("retention.ms").value()).isEqualTo("604800000");
            for (String compacted : List.of("topics-sessions", "topics-backpressure", "topics-memory-changelog")) {
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
            admin.createTopics(List.of(
                            topic("unequal-observations-high", 2, Map.of()),
                            topic("unequal-observations-low", 3, Map.of())))
                    .all()
                    .get();
        }
        assertThatThrownBy(() -> Instance.start("unequal", stateDir))
                .hasMessageContaining("equal numbers of partitions")
                .hasMessageContaining("unequal-observations-low=3");
    }

    @Test
    void shouldRefuseOtherNumberOfPartitionsAndCompactedLanes() throws InterruptedException, ExecutionException {
        try (Admin admin = admin()) {
            admin.createTopics(List.of(
                            topic("three-observations-high", 3, Map.of()),
                            topic("three-observations-normal", 3, Map.of()),
                            topic("three-observations-low", 3, Map.of()),
                            topic("compacted-observations-high", 2, Map.of("cleanup.policy", "compact"))))
                    .all()
                    .get();
        }
        assertThatThrownBy(() -> Instance.start("three", stateDir)).hasMessageContaining("set partitions=3");
        assertThatThrownBy(() -> Instance.start("compacted", stateDir)).hasMessageContaining("compacted");
    }
}
