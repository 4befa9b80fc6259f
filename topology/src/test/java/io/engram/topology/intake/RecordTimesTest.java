package io.engram.topology.intake;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.progress.BrokerClock;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecordTimesTest {
    private static final String SPACE = "space-1";

    @TempDir
    Path stateDir;

    private TopologyFixture topology;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir, config -> config, TestEngines.create());
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private static Observation observe(String session, long sequence, String id, String content) {
        return Observation.observe(session, sequence, content, new float[] {1, 0})
                .withId(id);
    }

    private String content(String id) {
        return topology.store().view().memory(SPACE, id).orElseThrow().content();
    }

    private static long deadline(long slackMs, long timestamp, TimestampType type, BrokerClock clock) {
        ConsumerRecord<Object, Object> record = new ConsumerRecord<>(
                "lane", 0, 0, timestamp, type, 0, 0, null, null, new RecordHeaders(), Optional.empty());
        return new DeadlineExtractor(slackMs, clock).extract(record, -1);
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, 0, 1, Long.MAX_VALUE - 1, Long.MAX_VALUE})
    void shouldGiveEveryRecordADeadlineThatStreamsTakes(long timestamp) {
        BrokerClock clock = new BrokerClock(System::nanoTime);
        for (long slackMs : new long[] {0, 60_000, DeadlineExtractor.MAX_SLACK_MS}) {
            assertThat(deadline(slackMs, timestamp, TimestampType.CREATE_TIME, clock))
                    .as("slack " + slackMs)
                    .isBetween(slackMs, Long.MAX_VALUE);
        }
        assertThat(clock.nowMs())
                .as("a client's time tells nothing of the broker's")
                .isEmpty();
    }

    @Test
    void shouldTakeTheBrokersTimeFromWhatItStamped() {
        BrokerClock clock = new BrokerClock(() -> 0);
        deadline(0, 1_767_268_800_000L, TimestampType.LOG_APPEND_TIME, clock);
        assertThat(clock.nowMs()).hasValue(1_767_268_800_000L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.001Z", "1999-12-31T23:59:59.999Z"})
    void shouldRejectARecordWithoutATime(String time) {
        topology.sendAt(Lane.HIGH, SPACE, observe("s", 1, "a", "first"), Instant.parse(time));
        TopologyFixture.Rejection rejection = topology.rejections().get(0);
        assertThat(rejection.reason()).isEqualTo("invalid_observation");
        assertThat(rejection.detail()).contains("before the year 2000").contains("LogAppendTime");
        assertThat(rejection.key().orElseThrow()).isEqualTo(SPACE.getBytes(UTF_8));

        topology.send(Lane.HIGH, SPACE, observe("s", 2, "b", "second"));
        topology.send(Lane.HIGH, SPACE, observe("s", 1, "a", "first, with a time"));
        topology.settle();
        assertThat(topology.rejections()).isEmpty();
        assertThat(content("a")).isEqualTo("first, with a time");
    }

    @Test
    void shouldReplaceWhatCameFromAClockThatWasAhead() {
        Instant ahead = TopologyFixture.START.plus(Duration.ofMinutes(59));
        topology.sendAt(Lane.NORMAL, SPACE, observe("s", 1, "a", "from the future"), ahead);
        topology.advance(Duration.ofSeconds(20));
        topology.send(Lane.HIGH, SPACE, observe("s", 1, "a", "of now"));
        topology.settle();
        assertThat(content("a")).isEqualTo("of now");
    }

    @Test
    void shouldReplaceWhatCameFromAClockThatWasAheadWhileTheBrokersTimeWasUnknown() {
        topology.brokerAnswers(false);
        topology.advance(Duration.ofMinutes(2));
        Instant ahead = TopologyFixture.START.plus(Duration.ofMinutes(59));
        topology.sendAt(Lane.NORMAL, SPACE, observe("s", 1, "a", "from the future"), ahead);
        topology.sendAt(Lane.NORMAL, SPACE, observe("s", 2, "b", "from the future"), ahead);
        topology.send(Lane.NORMAL, SPACE, observe("s", 3, "a", "of now, on the same lane"));
        assertThat(content("a")).as("the order of a lane is its order").isEqualTo("of now, on the same lane");

        topology.brokerAnswers(true);
        topology.send(Lane.HIGH, SPACE, observe("s", 1, "b", "of now, on another lane"));
        topology.settle();
        assertThat(content("b")).isEqualTo("of now, on another lane");
    }

    @Test
    void shouldLetTheNewerChangeWinAcrossLanes() {
        topology.advance(Duration.ofSeconds(10));
        topology.send(Lane.HIGH, SPACE, observe("s", 1, "a", "newer"));
        topology.sendAt(
                Lane.LOW, SPACE, observe("s", 1, "a", "older"), TopologyFixture.START.plus(Duration.ofSeconds(5)));
        topology.settle();
        assertThat(content("a")).isEqualTo("newer");
    }
}
