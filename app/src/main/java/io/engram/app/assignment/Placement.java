package io.engram.app.assignment;

import java.time.Instant;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsState;
import org.apache.kafka.streams.processor.assignment.ProcessId;

/** An assignment in the making: which client holds which task, active or as a standby. A client's load is its tasks per thread. */
final class Placement {
    private final SortedMap<ProcessId, KafkaStreamsState> clients;
    private final SortedMap<ProcessId, KafkaStreamsAssignment> assignments = new TreeMap<>();

    Placement(SortedMap<ProcessId, KafkaStreamsState> clients) {
        this.clients = clients;
        clients.keySet().forEach(client -> assignments.put(client, KafkaStreamsAssignment.of(client, new HashSet<>())));
    }

    /** What Kafka's own helpers read and change. */
    Map<ProcessId, KafkaStreamsAssignment> assignments() {
        return assignments;
    }

    SortedSet<ProcessId> clients() {
        return new TreeSet<>(clients.keySet());
    }

    SortedSet<TaskId> tasks(ProcessId client, AssignedTask.Type type) {
        return assignments.get(client).tasks().values().stream()
                .filter(task -> task.type() == type)
                .map(AssignedTask::id)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    boolean holds(ProcessId client, TaskId task) {
        return assignments.get(client).tasks().containsKey(task);
    }

    boolean holds(ProcessId client, TaskId task, AssignedTask.Type type) {
        return holds(client, task) && assignments.get(client).tasks().get(task).type() == type;
    }

    /** Gives the client the task, or changes what it holds it as. */
    void give(ProcessId client, TaskId task, AssignedTask.Type type) {
        assignments.get(client).assignTask(new AssignedTask(task, type));
    }

    void take(ProcessId client, TaskId task) {
        assignments.get(client).removeTask(assignments.get(client).tasks().get(task));
    }

    /** Of the clients that are wanted the one with the lowest load; of several the one with the lowest id. */
    Optional<ProcessId> leastLoaded(Predicate<ProcessId> wanted) {
        return clients.keySet().stream().filter(wanted).min(Comparator.comparingDouble(client -> load(client, 0)));
    }

    /** Tasks per thread with so many tasks more. */
    private double load(ProcessId client, int more) {
        return (double) (assignments.get(client).tasks().size() + more)
                / clients.get(client).numProcessingThreads();
    }

    /**
     * Moves tasks of one type to clients with a lower load until no move makes the loads more equal. Each move makes the
     * distance of two loads smaller and turns it round for none, so this ends.
     *
     * @param mayMove from the first client to the second
     */
    void balance(AssignedTask.Type type, BiPredicate<ProcessId, ProcessId> mayMove) {
        boolean moved;
        do {
            moved = false;
            for (ProcessId from : clients.keySet()) {
                for (ProcessId to : clients.keySet()) {
                    moved |= !from.equals(to) && mayMove.test(from, to) && balance(type, from, to);
                }
            }
        } while (moved);
    }

    private boolean balance(AssignedTask.Type type, ProcessId from, ProcessId to) {
        boolean moved = false;
        for (TaskId task : tasks(from, type)) {
            if (!isFairer(from, to)) {
                return moved;
            }
            if (!holds(to, task)) {
                take(from, task);
                give(to, task, type);
                moved = true;
            }
        }
        return moved;
    }

    private boolean isFairer(ProcessId from, ProcessId to) {
        double before = load(from, 0) - load(to, 0);
        double after = load(from, -1) - load(to, 1);
        return before > 0 && after >= 0 && after < before;
    }

    /** The result; the client rebalances again at the instant, when one is given. */
    List<KafkaStreamsAssignment> result(ProcessId rebalancing, Optional<Instant> again) {
        return assignments.values().stream()
                .map(assignment -> assignment.processId().equals(rebalancing)
                        ? again.map(assignment::withFollowupRebalance).orElse(assignment)
                        : assignment)
                .toList();
    }
}
