package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.engram.app.kafka.TestTopics;
import io.engram.app.lifecycle.StreamsAdvice;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Topics that somebody changes while an instance uses them, and the way out of each. */
class TopicWatchIT {
    @TempDir
    Path stateDir;

    private final Admin admin = Admin.create(Map.of("bootstrap.servers", SharedBroker.bootstrapServers()));
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    // As in a process; the tests' own logging has none.
    private final StreamsAdvice advice = new StreamsAdvice();

    @BeforeEach
    void listen() {
        root().getLoggerContext().addTurboFilter(advice);
        log.start();
        root().addAppender(log);
    }

    @AfterEach
    void close() {
        root().detachAppender(log);
        root().getLoggerContext().getTurboFilterList().remove(advice);
        admin.close();
    }

    private static Logger root() {
        return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    }

    private String logged() {
        return List.copyOf(log.list).stream()
                .map(event -> event.getFormattedMessage()
                        + (event.getThrowableProxy() == null
                                ? ""
                                : event.getThrowableProxy().getMessage()))
                .collect(Collectors.joining("\n"));
    }

    private static void remember(Instance instance, String session, int from, int count) {
        IntStream.range(from, from + count)
                .forEach(i -> instance.send(
                        Lane.NORMAL,
                        "notes",
                        Observation.observe(session, i, "note " + i, new float[] {1, 0, i})
                                .withId(session + i)));
        instance.flush();
        // A thread that is about to commit to a lane that is gone waits for as long as its producer blocks: a minute.
        await().atMost(Duration.ofSeconds(150))
                .until(() -> instance.isRemembered("notes", session + (from + count - 1)));
    }

    private static void awaitNote(Instance instance, int status, String text) {
        await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
            var answer = instance.get("/readyz");
            assertThat(answer.body()).contains(text);
            assertThat(answer.statusCode()).isEqualTo(status);
        });
    }

    @Test
    void shouldSayThatALaneGotPartitionsAdviseNothingHarmfulAndComeBackUnderAnotherPrefix() throws Exception {
        try (Instance instance = Instance.start("more", stateDir)) {
            remember(instance, "me", 1, 3);
            admin.createPartitions(Map.of("more-observations-normal", NewPartitions.increaseTo(3)))
                    .all()
                    .get();
            awaitNote(instance, 503, "more-observations-normal has 3 partitions, but the memories are in 2");
            assertThat(instance.sumOf("engram_topic_problems", "partitions")).isEqualTo(1);
        }
        assertThatThrownBy(() -> Instance.start("more", stateDir))
                .hasMessageContaining("more-observations-normal has 3 partitions, but the memories are in 2")
                .hasMessageContaining("EngramTopicsChanged");
        assertThat(logged()).doesNotContain("StreamsResetter", "clean up invalid");

        try (Instance instance = Instance.start("more", stateDir, "topics.prefix=more2")) {
            assertThat(instance.isRemembered("notes", "me3")).isTrue();
            remember(instance, "me", 4, 1);
        }
    }

    /** Kafka's words are all that tells its failure; with others than those that are known, nothing is said instead. */
    @Test
    void shouldSayItsOwnWordsWhenKafkaAdvisesToResetTheChangelog() throws Exception {
        try (Instance instance = Instance.start("advice", stateDir, "consumer.metadata.max.age.ms=1000")) {
            remember(instance, "me", 1, 1);
            admin.createPartitions(Map.of("advice-observations-normal", NewPartitions.increaseTo(3)))
                    .all()
                    .get();
            await().atMost(Duration.ofSeconds(60))
                    .untilAsserted(() -> assertThat(logged()).contains("Delete and reset nothing"));
            assertThat(logged()).doesNotContain("StreamsResetter", "clean up invalid");
        }
    }

    @Test
    void shouldSayThatATopicIsMissingOrMadeAgainAndGoOn() throws Exception {
        try (Instance instance = Instance.start("again", stateDir)) {
            remember(instance, "me", 1, 3);
            admin.deleteTopics(List.of("again-rejected")).all().get();
            awaitNote(instance, 503, "again-rejected is not there any more");
            assertThat(instance.sumOf("engram_topic_problems", "missing")).isEqualTo(1);

            TestTopics.create(admin, List.of(new NewTopic("again-rejected", Optional.of(2), Optional.empty())));
            awaitNote(instance, 200, "again-rejected was deleted and made again");
            assertThat(instance.sumOf("engram_topic_problems", "missing")).isZero();
            assertThat(instance.sumOf("engram_topic_problems", "made_again")).isEqualTo(1);
            remember(instance, "me", 4, 1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "sessions"})
    void shouldRefuseAChangelogThatIsGoneOrMadeAgainAndKeepTheState(String store) throws Exception {
        String name = "kept-" + store;
        String changelog = name + "-" + store + "-changelog";
        try (Instance instance = Instance.start(name, stateDir)) {
            remember(instance, "me", 1, 3);
        }
        List<Path> files = tables(name);
        assertThat(files).isNotEmpty();
        admin.deleteTopics(List.of(changelog)).all().get();
        awaitGone(changelog);
        assertThatThrownBy(() -> Instance.start(name, stateDir))
                .hasMessageContaining(changelog + ", which is not there any more")
                .hasMessageContaining("EngramTopicsChanged");
        assertThatThrownBy(() -> Instance.start(name, stateDir.resolve("empty")))
                .hasMessageContaining(changelog)
                .hasMessageContaining("memories that were accepted would be missing");

        TestTopics.create(
                admin,
                List.of(new NewTopic(changelog, Optional.of(2), Optional.empty())
                        .configs(Map.of("cleanup.policy", "compact", "message.timestamp.type", "LogAppendTime"))));
        assertThatThrownBy(() -> Instance.start(name, stateDir))
                .hasMessageContaining(changelog + ", which was deleted and made again")
                .hasMessageContaining("EngramTopicsChanged");
        assertThatThrownBy(() -> Instance.start(name, stateDir.resolve("empty")))
                .hasMessageContaining(changelog)
                .hasMessageContaining("memories that were accepted would be missing");
        assertThat(tables(name)).isEqualTo(files);

        // The documented way out: another application beside it reads the lanes from their beginning.
        try (Instance instance = Instance.start(name + "-again", stateDir.resolve("again"), "topics.prefix=" + name)) {
            await().atMost(Duration.ofSeconds(60)).until(() -> instance.isRemembered("notes", "me3"));
            remember(instance, "me", 4, 1);
        }
        assertThat(tables(name)).containsAll(files);
    }

    private List<Path> tables(String name) throws IOException {
        try (Stream<Path> paths = Files.walk(stateDir.resolve(name))) {
            return paths.filter(path -> path.toString().endsWith(".sst"))
                    .sorted()
                    .toList();
        }
    }

    private void awaitGone(String topic) {
        await().atMost(Duration.ofSeconds(30))
                .until(() -> !admin.listTopics().names().get().contains(topic));
    }

    @Test
    void shouldSayAtStartThatOffsetsWereSetBackAndKeepMemories() throws Exception {
        try (Instance instance = Instance.start("back", stateDir)) {
            remember(instance, "me", 1, 30);
        }
        Map<TopicPartition, OffsetAndMetadata> offsets = admin.listConsumerGroupOffsets("back")
                .partitionsToOffsetAndMetadata()
                .get();
        offsets.replaceAll((partition, offset) -> new OffsetAndMetadata(0));
        setOffsets("back", offsets);
        try (Instance instance = Instance.start("back", stateDir)) {
            awaitNote(instance, 200, "back-observations-normal is read again from offset 0");
            assertThat(logged()).contains("the group's offsets were set back");
            assertThat(instance.sumOf("engram_topic_problems", "offsets")).isEqualTo(1);
            remember(instance, "me", 31, 1);
            assertThat(instance.memories()).isEqualTo(31);
        }
        admin.deleteConsumerGroupOffsets("back", offsets.keySet()).all().get();
        try (Instance instance = Instance.start("back", stateDir)) {
            assertThat(logged()).contains("The group back has no offsets for partitions");
            remember(instance, "me", 32, 1);
            assertThat(instance.memories()).isEqualTo(32);
        }
    }

    @Test
    void shouldSayThatOffsetsWereSetForwardAndProcessWhatWasPassedOverOnceTheyAreSetBackAsItSays() throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets;
        try (Instance instance = Instance.start("ahead", stateDir)) {
            remember(instance, "me", 1, 5);
        }
        offsets = admin.listConsumerGroupOffsets("ahead")
                .partitionsToOffsetAndMetadata()
                .get();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", SharedBroker.bootstrapServers()),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
            for (int i = 6; i <= 9; i++) {
                Observation observation = Observation.observe("me", i, "note " + i, new float[] {1, 0, i})
                        .withId("me" + i);
                producer.send(new ProducerRecord<>(
                        "ahead-observations-normal",
                        "notes".getBytes(StandardCharsets.UTF_8),
                        ObservationCodec.encode(observation)));
            }
        }
        offsets.replaceAll((partition, offset) -> new OffsetAndMetadata(offset.offset() + 3));
        setOffsets("ahead", offsets);
        TopicPartition notes;
        long from;
        try (Instance instance = Instance.start("ahead", stateDir)) {
            awaitNote(instance, 200, "ahead-observations-normal is read from offset ");
            assertThat(instance.sumOf("engram_topic_problems", "offsets")).isEqualTo(1);
            Matcher command = Pattern.compile("--topic (ahead-observations-normal):(\\d) --to-offset (\\d+)")
                    .matcher(logged());
            assertThat(command.find()).isTrue();
            notes = new TopicPartition(command.group(1), Integer.parseInt(command.group(2)));
            from = Long.parseLong(command.group(3));
            assertThat(command.find()).as("no other lane or partition").isFalse();
            assertThat(instance.isRemembered("notes", "me6")).isFalse();
        }
        setOffsets("ahead", Map.of(notes, new OffsetAndMetadata(from)));
        try (Instance instance = Instance.start("ahead", stateDir)) {
            await().atMost(Duration.ofSeconds(60)).until(() -> instance.isRemembered("notes", "me9"));
            assertRemembered(instance, 9);
        }
    }

    private void setOffsets(String group, Map<TopicPartition, OffsetAndMetadata> offsets) {
        await().atMost(Duration.ofSeconds(30)).ignoreExceptions().until(() -> {
            admin.alterConsumerGroupOffsets(group, offsets).all().get();
            return true;
        });
    }

    /** What is remembered need not be committed yet; and what of a lane is not goes with the lane. */
    private void awaitCommitted(String lane) {
        String group = lane.substring(0, lane.indexOf("-observations-"));
        List<TopicPartition> partitions = List.of(new TopicPartition(lane, 0), new TopicPartition(lane, 1));
        Map<TopicPartition, OffsetSpec> latest =
                partitions.stream().collect(Collectors.toMap(partition -> partition, partition -> OffsetSpec.latest()));
        await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
            var committed = admin.listConsumerGroupOffsets(group)
                    .partitionsToOffsetAndMetadata()
                    .get();
            var ends = admin.listOffsets(latest).all().get();
            for (TopicPartition partition : partitions) {
                long end = ends.get(partition).offset();
                OffsetAndMetadata processed = committed.get(partition);
                assertThat(processed == null ? 0 : processed.offset())
                        .as("%s", partition)
                        .isEqualTo(end);
            }
        });
    }

    private void makeLaneAgain(String lane, int partitions) throws Exception {
        awaitCommitted(lane);
        admin.deleteTopics(List.of(lane)).all().get();
        awaitGone(lane);
        TestTopics.createAgain(
                admin,
                new NewTopic(lane, Optional.of(partitions), Optional.empty())
                        .configs(Map.of("message.timestamp.type", "LogAppendTime")));
    }

    private static void assertRemembered(Instance instance, int count) {
        IntStream.rangeClosed(1, count)
                .forEach(i -> assertThat(instance.isRemembered("notes", "me" + i))
                        .as("note " + i)
                        .isTrue());
    }

    @Test
    void shouldGoOnWithALaneThatWasMadeAgainWhileItRuns() throws Exception {
        try (Instance instance = Instance.start("lane", stateDir)) {
            remember(instance, "me", 1, 30);
            makeLaneAgain("lane-observations-normal", 2);
            awaitNote(instance, 200, "lane-observations-normal was deleted and made again");
            assertThat(instance.sumOf("engram_topic_problems", "made_again")).isEqualTo(1);
            assertThat(logged()).contains("lane-observations-normal was deleted and made again");
            remember(instance, "me", 31, 3);
            assertRemembered(instance, 33);
        }
        try (Instance instance = Instance.start("lane", stateDir)) {
            assertRemembered(instance, 33);
            remember(instance, "me", 34, 1);
            assertThat(instance.memories()).isEqualTo(34);
        }
    }

    @Test
    void shouldGoOnWithALaneThatWasMadeAgainWhileItWasStopped() throws Exception {
        try (Instance instance = Instance.start("stopped", stateDir)) {
            remember(instance, "me", 1, 30);
        }
        makeLaneAgain("stopped-observations-normal", 2);
        try (Instance instance = Instance.start("stopped", stateDir)) {
            assertRemembered(instance, 30);
            remember(instance, "me", 31, 3);
            assertThat(instance.memories()).isEqualTo(33);
            awaitNote(instance, 200, "stopped-observations-normal is read again from offset 0");
            assertThat(instance.sumOf("engram_topic_problems", "offsets")).isEqualTo(1);
        }
    }

    @Test
    void shouldSayThatALaneWasMadeAgainWithFewerPartitionsAndHowToMendIt() throws Exception {
        String lane = "fewer-observations-normal";
        try (Instance instance = Instance.start("fewer", stateDir)) {
            remember(instance, "me", 1, 30);
        }
        makeLaneAgain(lane, 1);
        assertThatThrownBy(() -> Instance.start("fewer", stateDir))
                .hasMessageContaining(lane + " has 1 partitions, but the memories are in 2")
                .hasMessageContaining("kafka-topics --alter --topic " + lane + " --partitions 2");
        // As it says.
        admin.createPartitions(Map.of(lane, NewPartitions.increaseTo(2))).all().get();
        try (Instance instance = Instance.start("fewer", stateDir)) {
            assertRemembered(instance, 30);
            remember(instance, "me", 31, 1);
            assertThat(instance.memories()).isEqualTo(31);
        }
    }

    @Test
    void shouldSayWhileItRunsThatALaneWasMadeAgainWithFewerPartitions() throws Exception {
        String lane = "few-observations-normal";
        try (Instance instance = Instance.start("few", stateDir)) {
            remember(instance, "me", 1, 30);
            makeLaneAgain(lane, 1);
            awaitNote(instance, 503, lane + " has 1 partitions, but the memories are in 2");
            assertThat(instance.sumOf("engram_topic_problems", "partitions")).isEqualTo(1);
            assertThat(logged())
                    .contains("kafka-topics --alter --topic " + lane + " --partitions 2")
                    .doesNotContain("StreamsResetter", "clean up invalid");
        }
    }
}
