package io.engram.app.lifecycle;

import java.util.Comparator;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.AssignmentConfigs;
import org.apache.kafka.streams.processor.assignment.ProcessId;
import org.apache.kafka.streams.processor.internals.Task;
import org.apache.kafka.streams.processor.internals.assignment.ClientState;
import org.apache.kafka.streams.processor.internals.assignment.HighAvailabilityTaskAssignor;
import org.apache.kafka.streams.processor.internals.assignment.RackAwareTaskAssignor;

/**
 * The assignor of KIP-441, which never takes a partition from everybody who can answer recall for it.
 *
 * <p>To the KIP a copy on an instance's disk that is within {@code acceptable.recovery.lag} is as good as a running one.
 * To recall it is not: it answers once it is restored and its index loaded. After a restart the active copy and the
 * standby may so both be given to such instances:
 *
 * <pre>
 *                    running on Y     on the disk of X and Z
 * KIP-441            Y: nothing       X: active, Z: standby      nobody answers until either has loaded
 * here               Y: standby       X: active, Z: standby      Y answers meanwhile, until the next rebalance
 * </pre>
 *
 * Streams makes one per assignment.
 */
public final class RecallTaskAssignor extends HighAvailabilityTaskAssignor {
    @Override
    public boolean assign(
            Map<ProcessId, ClientState> clients,
            Set<TaskId> allTasks,
            Set<TaskId> statefulTasks,
            RackAwareTaskAssignor rackAware,
            AssignmentConfigs configs) {
        boolean probing = super.assign(clients, allTasks, statefulTasks, rackAware, configs);
        boolean kept = false;
        for (TaskId task : statefulTasks) {
            kept |= keepNearest(task, clients);
        }
        return probing || kept;
    }

    /** Leaves a standby where the task is nearest to its end now; returns true when one was added for that. */
    static boolean keepNearest(TaskId task, Map<ProcessId, ClientState> clients) {
        ClientState nearest = clients.values().stream()
                .min(Comparator.comparingLong(client -> lagFor(task, client)))
                .orElseThrow();
        boolean activeIsAsNear = clients.values().stream()
                .filter(client -> client.activeTasks().contains(task))
                .anyMatch(client -> lagFor(task, client) == lagFor(task, nearest));
        if (activeIsAsNear || nearest.standbyTasks().contains(task)) {
            return false;
        }
        nearest.assignStandby(task);
        return true;
    }

    /** Streams has two negative lags: that of a running active task, and an unknown one. */
    private static long lagFor(TaskId task, ClientState client) {
        long lag = client.lagFor(task);
        return lag < Task.LATEST_OFFSET ? Long.MAX_VALUE : lag;
    }
}
