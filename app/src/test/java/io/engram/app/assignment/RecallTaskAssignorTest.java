package io.engram.app.assignment;

import static io.engram.app.assignment.TestApplication.task;
import static org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask.Type.ACTIVE;
import static org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask.Type.STANDBY;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment;
import org.apache.kafka.streams.processor.assignment.ProcessId;
import org.apache.kafka.streams.processor.assignment.TaskAssignmentUtils;
import org.apache.kafka.streams.processor.assignment.TaskAssignor.AssignmentError;
import org.apache.kafka.streams.processor.assignment.TaskAssignor.TaskAssignment;
import org.apache.kafka.streams.processor.internals.Task;
import org.apache.kafka.streams.state.HostInfo;
import org.junit.jupiter.api.Test;

class RecallTaskAssignorTest {
    private static final long RUNNING = Lags.ACTIVE;
    private static final long UNKNOWN = -3;
    private static final long NOTHING_ON_DISK = 100_000;
    private static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");

    private final RecallTaskAssignor assignor = new RecallTaskAssignor(Clock.fixed(NOW, ZoneOffset.UTC));

    private Outcome assign(TestApplication application) {
        TaskAssignment assignment = assignor.assign(application);
        assertThat(TaskAssignmentUtils.validateTaskAssignment(application, assignment))
                .isEqualTo(AssignmentError.NONE);
        return new Outcome(assignment.assignment());
    }

    @Test
    void shouldCallTheLagOfAnActiveCopyAsKafkaStreamsDoes() {
        assertThat(Lags.ACTIVE).isEqualTo(Task.LATEST_OFFSET);
    }

    @Test
    void shouldKeepTheRunningCopyWhenTheTaskGoesToCopiesOnDisks() {
        TestApplication application = new TestApplication(1, 1);
        ProcessId onDisk = application.add(3_000);
        ProcessId alsoOnDisk = application.add(2_900);
        ProcessId running = application.add(RUNNING);

        Outcome outcome = assign(application);

        assertThat(outcome.of(onDisk)).isEqualTo(Map.of(task(0), ACTIVE));
        assertThat(outcome.of(alsoOnDisk)).isEqualTo(Map.of(task(0), STANDBY));
        assertThat(outcome.of(running)).isEqualTo(Map.of(task(0), STANDBY));
        assertThat(outcome.rebalancesAgain()).isTrue();
    }

    @Test
    void shouldKeepTheStandbyThatWasActiveUntilARebalanceAgo() {
        TestApplication application = new TestApplication(1, 0);
        ProcessId onDisk = application.add(3_000);
        ProcessId wasActive = application.add(40);

        Outcome outcome = assign(application);

        assertThat(outcome.of(onDisk)).isEqualTo(Map.of(task(0), ACTIVE));
        assertThat(outcome.of(wasActive)).isEqualTo(Map.of(task(0), STANDBY));
        assertThat(outcome.rebalancesAgain()).isTrue();
    }

    @Test
    void shouldAddNothingWhenTheNearestCopyIsActive() {
        TestApplication application = new TestApplication(1, 0);
        ProcessId running = application.add(RUNNING);
        ProcessId warm = application.add(10);

        Outcome outcome = assign(application);

        assertThat(outcome.of(running)).isEqualTo(Map.of(task(0), ACTIVE));
        assertThat(outcome.of(warm)).isEmpty();
        assertThat(outcome.rebalancesAgain()).isFalse();
    }

    @Test
    void shouldAddNothingWhenTheNearestCopyIsAStandby() {
        TestApplication application = new TestApplication(1, 1);
        ProcessId warm = application.add(10);
        ProcessId running = application.add(RUNNING);
        ProcessId third = application.add(20);

        Outcome outcome = assign(application);

        assertThat(outcome.of(warm)).isEqualTo(Map.of(task(0), ACTIVE));
        assertThat(outcome.of(running)).isEqualTo(Map.of(task(0), STANDBY));
        assertThat(outcome.of(third)).isEmpty();
        assertThat(outcome.rebalancesAgain()).isFalse();
    }

    @Test
    void shouldAddNothingWhenOthersAreNoNearerThanTheActiveCopy() {
        TestApplication application = new TestApplication(1, 0);
        ProcessId one = application.add(0);
        ProcessId other = application.add(0);

        Outcome outcome = assign(application);

        assertThat(outcome.of(one)).isEqualTo(Map.of(task(0), ACTIVE));
        assertThat(outcome.of(other)).isEmpty();
        assertThat(outcome.rebalancesAgain()).isFalse();
    }

    @Test
    void shouldNotTakeAnUnknownLagForANearOne() {
        TestApplication application = new TestApplication(1, 0);
        ProcessId unknown = application.add(UNKNOWN);
        ProcessId known = application.add(500);

        Outcome outcome = assign(application);

        assertThat(outcome.of(known)).isEqualTo(Map.of(task(0), ACTIVE));
        // It should have the task by load, and so warms up.
        assertThat(outcome.of(unknown)).isEqualTo(Map.of(task(0), STANDBY));
    }

    @Test
    void shouldSpreadTasksByThreads() {
        TestApplication application = new TestApplication(8, 1);
        ProcessId small = application.add(0);
        ProcessId large = application.add(new TestApplication.Client(
                application.id(), 3, application.lags(0), Optional.empty(), Map.of(), Optional.empty()));

        Outcome outcome = assign(application);

        assertThat(outcome.count(small, ACTIVE)).isEqualTo(2);
        assertThat(outcome.count(large, ACTIVE)).isEqualTo(6);
        assertThat(outcome.count(small, STANDBY)).isEqualTo(6);
        assertThat(outcome.count(large, STANDBY)).isEqualTo(2);
    }

    @Test
    void shouldLeaveTasksWhereTheyAreCaughtUpAndWarmUpTwoAtATime() {
        TestApplication application = new TestApplication(8, 0);
        ProcessId running = application.add(RUNNING);
        ProcessId empty = application.add(NOTHING_ON_DISK);

        Outcome outcome = assign(application);

        assertThat(outcome.count(running, ACTIVE)).isEqualTo(8);
        assertThat(outcome.count(empty, ACTIVE)).isZero();
        assertThat(outcome.count(empty, STANDBY)).isEqualTo(2);
        assertThat(outcome.rebalancesAgain()).isTrue();
    }

    @Test
    void shouldGiveTheTaskToTheWarmStandbyWhenItsInstanceDies() {
        TestApplication application = new TestApplication(1, 1);
        ProcessId empty = application.add(NOTHING_ON_DISK);
        ProcessId wasStandby = application.add(3);

        Outcome outcome = assign(application);

        assertThat(outcome.of(wasStandby)).isEqualTo(Map.of(task(0), ACTIVE));
        assertThat(outcome.of(empty)).isEqualTo(Map.of(task(0), STANDBY));
    }

    @Test
    void shouldGiveTheTaskToWhoeverHasLeastToRestoreWhenNobodyIsCaughtUp() {
        TestApplication application = new TestApplication(1, 0);
        application.add(90_000);
        application.add(80_000);
        ProcessId nearest = application.add(70_000);

        assertThat(assign(application).of(nearest)).isEqualTo(Map.of(task(0), ACTIVE));
    }

    @Test
    void shouldMoveNothingWhenTheEndsOfTheChangelogsAreNotKnown() {
        TestApplication application = new TestApplication(4, 1);
        ProcessId busy = application.add(RUNNING, RUNNING, RUNNING, UNKNOWN);
        ProcessId idle = application.add(UNKNOWN, UNKNOWN, UNKNOWN, RUNNING);

        Outcome outcome = assign(application);

        assertThat(outcome.count(busy, ACTIVE)).isEqualTo(3);
        assertThat(outcome.of(idle)).containsEntry(task(3), ACTIVE);
        assertThat(outcome.count(idle, STANDBY)).isEqualTo(3);
        assertThat(outcome.deadlines()).containsExactly(NOW.plusMillis(TestApplication.PROBING_MS));
    }

    @Test
    void shouldLetTheInstanceThatAssignsRebalanceAgain() {
        TestApplication application = new TestApplication(4, 1);
        application.add(RUNNING);
        ProcessId own = application.add(new TestApplication.Client(
                application.id(),
                1,
                application.lags(NOTHING_ON_DISK),
                Optional.of(new HostInfo("engram-1", 7432)),
                Map.of(),
                Optional.empty()));
        assignor.configure(Map.of(StreamsConfig.APPLICATION_SERVER_CONFIG, "engram-1:7432"));

        TaskAssignment assignment = assignor.assign(application);

        assertThat(assignment.assignment())
                .filteredOn(each -> each.followupRebalanceDeadline().isPresent())
                .extracting(KafkaStreamsAssignment::processId)
                .containsExactly(own);
    }

    @Test
    void shouldKeepStandbysApartByTags() {
        TestApplication application = new TestApplication(6, 1).apartBy("zone");
        Map<ProcessId, String> zones = new LinkedHashMap<>();
        for (String zone : new String[] {"a", "a", "b"}) {
            zones.put(
                    application.add(new TestApplication.Client(
                            application.id(),
                            1,
                            application.lags(0),
                            Optional.empty(),
                            Map.of("zone", zone),
                            Optional.empty())),
                    zone);
        }

        Outcome outcome = assign(application);

        application
                .allTasks()
                .keySet()
                .forEach(task -> assertThat(zones.keySet().stream()
                                .filter(client -> outcome.of(client).containsKey(task))
                                .map(zones::get))
                        .as(task.toString())
                        .containsExactlyInAnyOrder("a", "b"));
    }

    @Test
    void shouldPutActiveTasksIntoTheRackOfTheirTopicsWhenRacksCount() {
        TestApplication application = new TestApplication(2, 0).inRacks("b", "a");
        ProcessId inA = application.add(new TestApplication.Client(
                application.id(), 1, application.lags(0), Optional.empty(), Map.of(), Optional.of("a")));
        ProcessId inB = application.add(new TestApplication.Client(
                application.id(), 1, application.lags(0), Optional.empty(), Map.of(), Optional.of("b")));

        Outcome outcome = assign(application);

        assertThat(outcome.of(inA)).isEqualTo(Map.of(task(1), ACTIVE));
        assertThat(outcome.of(inB)).isEqualTo(Map.of(task(0), ACTIVE));
    }
}
