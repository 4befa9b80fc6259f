package io.engram.app.assignment;

import static org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask.Type.ACTIVE;
import static org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask.Type.STANDBY;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask;
import org.apache.kafka.streams.processor.assignment.ProcessId;
import org.apache.kafka.streams.processor.assignment.TaskAssignmentUtils;
import org.apache.kafka.streams.processor.assignment.TaskAssignor.AssignmentError;
import org.apache.kafka.streams.processor.assignment.TaskAssignor.TaskAssignment;
import org.junit.jupiter.api.Test;

/** Whatever clients have on their disks: what every assignment keeps to, and where rebalances end. */
class RebalancesTest {
    private static final long EMPTY = 1_000_000;
    private static final long[] LAGS = {0, 1, 9_999, 10_000, 10_001, 500_000, EMPTY};

    private final Random random = new Random(7);

    /** Any lags, and each task running on one client at most. */
    private TestApplication anyApplication() {
        int partitions = 1 + random.nextInt(12);
        TestApplication application = new TestApplication(partitions, random.nextInt(3));
        int count = 1 + random.nextInt(5);
        int[] running = IntStream.range(0, partitions)
                .map(p -> random.nextInt(count + 1))
                .toArray();
        for (int i = 0; i < count; i++) {
            int client = i;
            long[] lags = IntStream.range(0, partitions)
                    .mapToLong(p -> running[p] == client ? Lags.ACTIVE : LAGS[random.nextInt(LAGS.length)])
                    .toArray();
            add(application, 1 + random.nextInt(3), application.lags(lags));
        }
        return application;
    }

    private static void add(TestApplication application, int threads, Map<TaskId, Long> lags) {
        application.add(new TestApplication.Client(
                application.id(), threads, lags, Optional.empty(), Map.of(), Optional.empty()));
    }

    private static Outcome assign(TestApplication application) {
        TaskAssignment assignment = new RecallTaskAssignor().assign(application);
        assertThat(TaskAssignmentUtils.validateTaskAssignment(application, assignment))
                .isEqualTo(AssignmentError.NONE);
        return new Outcome(assignment.assignment());
    }

    private static long holders(TestApplication application, Outcome outcome, TaskId task, AssignedTask.Type type) {
        return application.kafkaStreamsStates(true).keySet().stream()
                .filter(client -> outcome.of(client).get(task) == type)
                .count();
    }

    @Test
    void shouldGiveEveryTaskOneActiveCopyItsStandbysAndKeepTheNearest() {
        for (int round = 0; round < 2_000; round++) {
            TestApplication application = anyApplication();
            Outcome outcome = assign(application);
            int others = application.kafkaStreamsStates(true).size() - 1;
            for (TaskId task : application.allTasks().keySet()) {
                String what = "round " + round + ", " + task + ": " + outcome;
                assertThat(holders(application, outcome, task, ACTIVE)).as(what).isEqualTo(1);
                assertThat(holders(application, outcome, task, STANDBY))
                        .as(what)
                        .isGreaterThanOrEqualTo(
                                Math.min(others, application.assignmentConfigs().numStandbyReplicas()));
                assertThat(lagOfNearestHolder(application, outcome, task))
                        .as(what)
                        .isEqualTo(lagOfNearest(application, task));
            }
        }
    }

    private static long lagOfNearest(TestApplication application, TaskId task) {
        return application.kafkaStreamsStates(true).values().stream()
                .mapToLong(client -> client.lagFor(task))
                .min()
                .orElseThrow();
    }

    private static long lagOfNearestHolder(TestApplication application, Outcome outcome, TaskId task) {
        return application.kafkaStreamsStates(true).values().stream()
                .filter(client -> outcome.of(client.processId()).containsKey(task))
                .mapToLong(client -> client.lagFor(task))
                .min()
                .orElseThrow();
    }

    /** What is held runs or has caught up by the next rebalance; what is not held is as it was. */
    private static TestApplication next(TestApplication before, Outcome outcome) {
        TestApplication after = new TestApplication(
                before.allTasks().size(), before.assignmentConfigs().numStandbyReplicas());
        before.kafkaStreamsStates(true).values().forEach(client -> {
            Map<TaskId, Long> lags = new TreeMap<>(client.statefulTasksToLagSums());
            lags.replaceAll((task, lag) -> lag == Lags.ACTIVE ? Long.valueOf(0) : lag);
            outcome.of(client.processId()).forEach((task, type) -> lags.put(task, type == ACTIVE ? Lags.ACTIVE : 0));
            after.add(new TestApplication.Client(
                    client.processId(),
                    client.numProcessingThreads(),
                    lags,
                    Optional.empty(),
                    Map.of(),
                    Optional.empty()));
        });
        return after;
    }

    @Test
    void shouldEndWithEqualLoadsAndNoMoreRebalances() {
        for (int round = 0; round < 500; round++) {
            TestApplication application = anyApplication();
            Outcome outcome = assign(application);
            // Two tasks warm up at a time.
            for (int rebalance = 0; outcome.rebalancesAgain(); rebalance++) {
                assertThat(rebalance).as("round %d", round).isLessThan(30);
                application = next(application, outcome);
                outcome = assign(application);
            }
            assertThat(outcome.deadlines()).isEmpty();
            assertEven(application, outcome, "round " + round);
        }
    }

    /** No client with so many more active tasks a thread that one less would still not be too few. */
    private static void assertEven(TestApplication application, Outcome outcome, String what) {
        LongSummaryStatistics perThread = application.kafkaStreamsStates(true).values().stream()
                .mapToLong(client -> outcome.count(client.processId(), ACTIVE) / client.numProcessingThreads())
                .summaryStatistics();
        assertThat(perThread.getMax() - perThread.getMin())
                .as(what + ": " + outcome)
                .isLessThanOrEqualTo(1);
    }

    @Test
    void shouldAlwaysHaveAWarmCopyWhileInstancesComeAndAreRestarted() {
        int partitions = 4;
        TestApplication application = new TestApplication(partitions, 1);
        add(application, 2, application.lags(Lags.ACTIVE));
        for (int added = 0; added < 2; added++) {
            add(application, 2, application.lags(EMPTY));
            application = settle(application);
        }
        for (int restarted = 0; restarted < 3; restarted++) {
            TestApplication without = new TestApplication(partitions, 1);
            TestApplication with = new TestApplication(partitions, 1);
            ProcessId gone =
                    List.copyOf(application.kafkaStreamsStates(true).keySet()).get(0);
            application.kafkaStreamsStates(true).values().forEach(client -> {
                if (!client.processId().equals(gone)) {
                    without.add((TestApplication.Client) client);
                }
            });
            TestApplication settled = settle(without);
            settled.kafkaStreamsStates(true).values().forEach(client -> with.add((TestApplication.Client) client));
            // What it left on its disk has aged a little.
            with.add(new TestApplication.Client(
                    gone, 2, with.lags(3_000), Optional.empty(), Map.of(), Optional.empty()));
            application = settle(with);
        }
    }

    /** Rebalances until it is quiet; each leaves every task to somebody who runs it or has it warm. */
    private static TestApplication settle(TestApplication application) {
        TestApplication now = application;
        for (int rebalance = 0; rebalance < 30; rebalance++) {
            Outcome outcome = assign(now);
            for (TaskId task : now.allTasks().keySet()) {
                assertThat(lagOfNearestHolder(now, outcome, task))
                        .as(outcome.toString())
                        .isLessThanOrEqualTo(0);
            }
            now = next(now, outcome);
            if (!outcome.rebalancesAgain()) {
                return now;
            }
        }
        throw new AssertionError("still rebalances");
    }
}
