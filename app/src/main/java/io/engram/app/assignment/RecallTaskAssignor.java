package io.engram.app.assignment;

import static org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask.Type.ACTIVE;
import static org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask.Type.STANDBY;

import java.time.Clock;
import java.time.Instant;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.ApplicationState;
import org.apache.kafka.streams.processor.assignment.AssignmentConfigs;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsState;
import org.apache.kafka.streams.processor.assignment.ProcessId;
import org.apache.kafka.streams.processor.assignment.TaskAssignmentUtils;
import org.apache.kafka.streams.processor.assignment.TaskAssignor;
import org.apache.kafka.streams.processor.assignment.TaskInfo;
import org.apache.kafka.streams.processor.assignment.assignors.StickyTaskAssignor;
import org.apache.kafka.streams.state.HostInfo;

/**
 * Assigns tasks as KIP-441 does, by the interface of KIP-924, and never takes a partition from everybody who can answer recall
 * for it.
 *
 * <p>Tasks and standbys are spread by load; a task whose client would have to restore it first stays with one that is caught
 * up while that client warms up, and a rebalance after {@code probing.rebalance.interval.ms} looks again.
 *
 * <p>To the KIP a copy on an instance's disk that is within {@code acceptable.recovery.lag} is as good as a running one. To
 * recall it is not: it answers once it is restored and its index loaded. After a restart the active copy and the standby may
 * so both be given to such instances:
 *
 * <pre>
 *                    running on Y     on the disk of X and Z
 * KIP-441            Y: nothing       X: active, Z: standby      nobody answers until either has loaded
 * here               Y: standby       X: active, Z: standby      Y answers meanwhile, until the next rebalance
 * </pre>
 *
 * Streams makes one per assignment.
 */
public final class RecallTaskAssignor implements TaskAssignor {
    private final Clock clock;
    private Optional<HostInfo> own = Optional.empty();

    public RecallTaskAssignor() {
        this(Clock.systemUTC());
    }

    RecallTaskAssignor(Clock clock) {
        this.clock = clock;
    }

    @Override
    public void configure(Map<String, ?> configs) {
        own = Optional.ofNullable(configs.get(StreamsConfig.APPLICATION_SERVER_CONFIG))
                .map(server -> HostInfo.buildFromEndpoint(server.toString()));
    }

    @Override
    public TaskAssignment assign(ApplicationState application) {
        SortedMap<ProcessId, KafkaStreamsState> clients = new TreeMap<>(application.kafkaStreamsStates(true));
        AssignmentConfigs configs = application.assignmentConfigs();
        Placement placement = new Placement(clients);
        Lags lags = new Lags(clients, configs.acceptableRecoveryLag());
        boolean again =
                lags.areUnknown() ? leaveAsItIs(application, placement) : place(application, clients, placement, lags);
        Optional<Instant> deadline = again
                ? Optional.of(clock.instant().plusMillis(configs.probingRebalanceIntervalMs()))
                : Optional.empty();
        return new TaskAssignment(placement.result(rebalancing(clients), deadline));
    }

    /** This instance, whose clock the deadline is of; any when it has no {@code application.server}. */
    private ProcessId rebalancing(SortedMap<ProcessId, KafkaStreamsState> clients) {
        return clients.values().stream()
                .filter(client -> own.isPresent() && client.hostInfo().equals(own))
                .map(KafkaStreamsState::processId)
                .findFirst()
                .orElseGet(clients::firstKey);
    }

    /** Without the ends of the changelogs nobody knows which copy is warm: all that run go on where they are. */
    private static boolean leaveAsItIs(ApplicationState application, Placement placement) {
        new StickyTaskAssignor(true)
                .assign(application)
                .assignment()
                .forEach(assignment -> assignment
                        .tasks()
                        .values()
                        .forEach(task -> placement.give(assignment.processId(), task.id(), task.type())));
        return true;
    }

    /** Returns true when something is not yet where it should be. */
    private static boolean place(
            ApplicationState application,
            SortedMap<ProcessId, KafkaStreamsState> clients,
            Placement placement,
            Lags lags) {
        spreadActives(application, placement);
        if (application.assignmentConfigs().numStandbyReplicas() > 0) {
            spreadStandbys(application, clients, placement);
        }
        CaughtUpFirst caughtUp = new CaughtUpFirst(
                placement, lags, application.assignmentConfigs().maxWarmupReplicas());
        boolean again = caughtUp.moveActives() + caughtUp.moveStandbys() > 0;
        tasks(application, false)
                .forEach(task -> placement
                        .leastLoaded(client -> true)
                        .ifPresent(client -> placement.give(client, task, ACTIVE)));
        for (TaskId task : tasks(application, true).toList()) {
            again |= keepNearest(task, placement, lags);
        }
        return again;
    }

    private static Stream<TaskId> tasks(ApplicationState application, boolean stateful) {
        return application.allTasks().values().stream()
                .filter(task -> task.isStateful() == stateful)
                .map(TaskInfo::id)
                .sorted();
    }

    private static void spreadActives(ApplicationState application, Placement placement) {
        Iterator<ProcessId> client = placement.clients().iterator();
        for (TaskId task : tasks(application, true).toList()) {
            if (!client.hasNext()) {
                client = placement.clients().iterator();
            }
            placement.give(client.next(), task, ACTIVE);
        }
        placement.balance(ACTIVE, (from, to) -> true);
        new Racks(application).optimizeActives(placement.assignments());
    }

    private static void spreadStandbys(
            ApplicationState application, SortedMap<ProcessId, KafkaStreamsState> clients, Placement placement) {
        TaskAssignmentUtils.defaultStandbyTaskAssignment(application, placement.assignments());
        Racks racks = new Racks(application);
        placement.balance(STANDBY, (from, to) -> racks.haveSameTags(clients.get(from), clients.get(to)));
        racks.optimizeStandbys(placement.assignments());
    }

    /** Leaves a standby where the task is nearest to its end now; returns true when one was added for that. */
    private static boolean keepNearest(TaskId task, Placement placement, Lags lags) {
        ProcessId nearest = lags.nearest(task);
        boolean activeIsAsNear = placement.clients().stream()
                .filter(client -> placement.holds(client, task, ACTIVE))
                .anyMatch(client -> lags.of(task, client) == lags.of(task, nearest));
        if (activeIsAsNear || placement.holds(nearest, task)) {
            return false;
        }
        placement.give(nearest, task, STANDBY);
        return true;
    }
}
