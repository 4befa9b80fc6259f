package io.engram.app.kafka;

import static org.assertj.core.api.Assertions.as;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.schemas.Topics;
import io.engram.topology.rejection.WriteLimits;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopicChecksTest {
    private static final String CHANGELOG = "app-memory-changelog";
    private static final String SESSIONS_CHANGELOG = "app-sessions-changelog";
    private static final String NORMAL = "engram-observations-normal";

    private final TopicPlan plan =
            plan(new TopicPlan.ClientLimits(9 << 20, "producer.max.request.size", 64 << 10, 9 << 20));
    private final Map<String, TopicState> topics = new HashMap<>();

    private static TopicPlan plan(TopicPlan.ClientLimits clients) {
        return plan(clients, "uncompressed");
    }

    private static TopicPlan plan(TopicPlan.ClientLimits clients, String compression) {
        return new TopicPlan(
                new Topics("engram"),
                List.of(CHANGELOG, SESSIONS_CHANGELOG),
                Map.of(),
                4,
                (short) -1,
                8 << 20,
                compression,
                604_800_000,
                clients);
    }

    private static TopicState topic(int partitions, Map<String, String> changed) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "max.message.bytes", "8388608",
                "segment.bytes", "1073741824",
                "cleanup.policy", "delete",
                "retention.ms", "604800000",
                "compression.type", "uncompressed",
                "message.timestamp.type", "LogAppendTime"));
        settings.putAll(changed);
        return new TopicState(Uuid.randomUuid(), partitions, settings);
    }

    private void allThere() {
        plan.lanes().forEach(lane -> topics.put(lane, topic(4, Map.of())));
        topics.put("engram-rejected", topic(4, Map.of()));
        for (String compacted : List.of("engram-sessions", "engram-backpressure", CHANGELOG, SESSIONS_CHANGELOG)) {
            topics.put(compacted, topic(4, Map.of("cleanup.policy", "compact")));
        }
    }

    private void change(String name, String key, String value) {
        Map<String, String> settings = new HashMap<>(topics.get(name).settings());
        settings.put(key, value);
        topics.put(name, topic(4, settings));
    }

    private List<String> check() {
        return new TopicChecks(plan, topics).check();
    }

    @Test
    void shouldAcceptWhatItWouldCreateAndNothingAtAll() {
        assertThat(check()).isEmpty();
        allThere();
        assertThat(check()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "engram-observations-normal | 5 | has 5 partitions, but the memories are in 4",
                "engram-observations-normal | 3 | kafka-topics --alter --topic engram-observations-normal --partitions 4",
                "engram-rejected | 3 | kafka-topics --alter --topic engram-rejected --partitions 4",
                "engram-rejected | 5 | EngramTopicsChanged",
                "app-memory-changelog | 3 | but the memories are in 3",
                "app-sessions-changelog | 3 | kafka-topics --alter --topic app-sessions-changelog --partitions 4",
                "app-sessions-changelog | 5 | has 5 partitions, but the memories are in 4"
            })
    void shouldRefuseOtherNumbersOfPartitionsAndAdviseNothingThatDeletes(String name, int partitions, String message) {
        allThere();
        topics.put(name, topic(partitions, topics.get(name).settings()));
        assertThatThrownBy(this::check)
                .hasMessageContaining(message)
                .satisfies(failure -> assertThat(failure.getMessage().toLowerCase(Locale.ROOT))
                        .doesNotContain("recreate", "delete", "reset", "clean up"));
    }

    @Test
    void shouldRefuseAnotherNumberThanMemoriesAreInEvenWithoutLanes() {
        topics.put(CHANGELOG, topic(3, Map.of("cleanup.policy", "compact")));
        assertThatThrownBy(this::check).hasMessageContaining("set partitions=3");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "engram-observations-normal | cleanup.policy | compact,delete | is compacted",
                "engram-rejected | cleanup.policy | compact | is compacted",
                "app-memory-changelog | cleanup.policy | compact,delete | would lose memories",
                "app-sessions-changelog | cleanup.policy | compact,delete | would lose memories or sessions",
                "app-sessions-changelog | max.message.bytes | 100000 | but a record of it can take 524288",
                "app-memory-changelog | max.message.bytes | 100000 | max.message.bytes=100000, but a record of it can take 524288",
                "app-memory-changelog | segment.bytes | 400000 | segment.bytes=400000, but a record of it can take 524288",
                "engram-rejected | max.message.bytes | 20000 | --add-config max.message.bytes=1048576",
                "engram-sessions | max.message.bytes | 20000 | can take 65536",
                "engram-backpressure | max.message.bytes | 20000 | can take 65536"
            })
    void shouldRefuseSettingsThatLoseOrRefuseRecords(String name, String key, String value, String message) {
        allThere();
        change(name, key, value);
        assertThatThrownBy(this::check).hasMessageContaining("topic " + name).hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "engram-observations-low | retention.ms | 1000 | retention.ms=1000: what waits there is deleted before",
                "engram-observations-low | retention.bytes | 0 | retention.bytes=0: what waits there is deleted before",
                "engram-rejected | retention.ms | 604799999 | what was shed is deleted before there is room",
                "engram-rejected | retention.bytes | 1048576 | what was shed is deleted before there is room",
                "engram-sessions | cleanup.policy | delete | --add-config cleanup.policy=compact",
                "engram-sessions | cleanup.policy | compact,delete | --add-config cleanup.policy=compact",
                "engram-backpressure | cleanup.policy | delete | --add-config cleanup.policy=compact"
            })
    void shouldSayWhatTheBrokerDeletesThatIsStillNeeded(String name, String key, String value, String message) {
        allThere();
        change(name, key, value);
        assertThat(new TopicChecks(plan, topics).losing())
                .singleElement(as(InstanceOfAssertFactories.STRING))
                .contains("topic " + name, key + "=" + value, message);
        assertThat(check()).hasSize(1);
    }

    @Test
    void shouldLeaveRetentionToTheOperatorWhereItKeepsWhatIsNeeded() {
        allThere();
        topics.put(NORMAL, topic(4, Map.of("retention.ms", "3600000", "retention.bytes", "10000000000")));
        topics.put("engram-rejected", topic(4, Map.of("retention.bytes", "-1")));
        assertThat(check()).isEmpty();
        topics.put("engram-rejected", topic(4, Map.of("retention.ms", "-1")));
        assertThat(new TopicChecks(plan, topics).losing()).isEmpty();
        assertThat(check())
                .singleElement(as(InstanceOfAssertFactories.STRING))
                .contains("kept for longer than their numbers stay open");
    }

    @Test
    void shouldWarnOfALaneThatKeepsWhatClientsPacked() {
        allThere();
        topics.put(NORMAL, topic(4, Map.of("compression.type", "producer")));

        assertThat(check())
                .singleElement(as(InstanceOfAssertFactories.STRING))
                .contains("topic " + NORMAL + " has compression.type=producer", "nothing is lost by that")
                .contains("--entity-name " + NORMAL + " --add-config compression.type=uncompressed");
        assertThat(new TopicChecks(plan(plan.clients(), "producer"), topics).check())
                .isEmpty();
    }

    @Test
    void shouldFollowTheSmallestOfTopicsAndProducers() {
        allThere();
        topics.put("engram-rejected", topic(4, Map.of("max.message.bytes", "1048588")));
        topics.put(NORMAL, topic(4, Map.of("max.message.bytes", "1000000")));
        WriteLimits limits = new WriteLimits();
        new TopicChecks(plan, topics).apply(limits);
        assertThat(limits.rejectionBytes()).isBetween(1_000_000, 1_048_588);
        assertThat(limits.wholeBytes()).isBetween(950_000, 1_000_000);
        assertThat(check())
                .anySatisfy(warning -> assertThat(warning)
                        .contains("engram-rejected has max.message.bytes=1048588")
                        .contains("cut short"))
                .anySatisfy(warning -> assertThat(warning).contains(NORMAL).contains("1000000"));

        new TopicChecks(plan(new TopicPlan.ClientLimits(600_000, "producer.max.request.size", 1, 500_000)), topics)
                .apply(limits);
        assertThat(limits.rejectionBytes()).isLessThanOrEqualTo(600_000);
        assertThat(limits.wholeBytes()).isLessThanOrEqualTo(500_000);
    }

    @Test
    void shouldCompareWhatProducersSendWithWhatIsWritten() {
        allThere();
        TopicPlan small = plan(new TopicPlan.ClientLimits(400_000, "producer.buffer.memory", 1, 1));
        assertThatThrownBy(() -> new TopicChecks(small, topics).check())
                .hasMessageContaining("producer.buffer.memory is 400000")
                .hasMessageContaining("524288");
        TopicPlan batches = plan(new TopicPlan.ClientLimits(9 << 20, "", 10 << 20, 9 << 20));
        assertThat(new TopicChecks(batches, topics).check())
                .hasSize(8)
                .allSatisfy(warning -> assertThat(warning).contains("producer.batch.size is 10485760"));
    }
}
