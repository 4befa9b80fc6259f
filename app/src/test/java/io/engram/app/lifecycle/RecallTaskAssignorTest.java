package io.engram.app.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.ProcessId;
import org.apache.kafka.streams.processor.internals.assignment.ClientState;
import org.junit.jupiter.api.Test;

class RecallTaskAssignorTest {
    private static final TaskId TASK = new TaskId(0, 1);
    private static final long RUNNING = -2;
    private static final long UNKNOWN = -3;

    private final Map<ProcessId, ClientState> clients = new LinkedHashMap<>();

    private ClientState client(long lag) {
        ClientState client = new ClientState(Set.of(), Set.of(), Map.of(TASK, lag), Map.of(), 1);
        clients.put(new ProcessId(UUID.randomUUID()), client);
        return client;
    }

    @Test
    void shouldKeepTheRunningCopyWhenTheTaskGoesToCopiesOnDisks() {
        ClientState onDisk = client(3_000);
        ClientState running = client(RUNNING);
        ClientState alsoOnDisk = client(2_900);
        onDisk.assignActive(TASK);
        alsoOnDisk.assignStandby(TASK);

        assertThat(RecallTaskAssignor.keepNearest(TASK, clients)).isTrue();
        assertThat(running.standbyTasks()).containsExactly(TASK);
        assertThat(RecallTaskAssignor.keepNearest(TASK, clients)).isFalse();
    }

    @Test
    void shouldKeepTheStandbyThatWasActiveUntilARebalanceAgo() {
        ClientState onDisk = client(3_000);
        ClientState wasActive = client(40);
        onDisk.assignActive(TASK);

        assertThat(RecallTaskAssignor.keepNearest(TASK, clients)).isTrue();
        assertThat(wasActive.standbyTasks()).containsExactly(TASK);
        assertThat(onDisk.activeTasks()).containsExactly(TASK);
    }

    @Test
    void shouldAddNothingWhenTheNearestCopyIsActiveOrStandby() {
        ClientState running = client(RUNNING);
        ClientState warm = client(10);
        running.assignActive(TASK);
        assertThat(RecallTaskAssignor.keepNearest(TASK, clients)).isFalse();
        running.unassignActive(TASK);
        running.assignStandby(TASK);
        warm.assignActive(TASK);
        assertThat(RecallTaskAssignor.keepNearest(TASK, clients)).isFalse();
        assertThat(warm.standbyTasks()).isEmpty();
    }

    @Test
    void shouldAddNothingWhenOthersAreNoNearerThanTheActiveCopy() {
        ClientState one = client(0);
        ClientState other = client(0);
        other.assignActive(TASK);
        assertThat(RecallTaskAssignor.keepNearest(TASK, clients)).isFalse();
        assertThat(one.standbyTasks()).isEmpty();
    }

    @Test
    void shouldNotTakeAnUnknownLagForANearOne() {
        ClientState unknown = client(UNKNOWN);
        ClientState known = client(500);
        known.assignActive(TASK);
        assertThat(RecallTaskAssignor.keepNearest(TASK, clients)).isFalse();
        assertThat(unknown.standbyTasks()).isEmpty();
    }
}
