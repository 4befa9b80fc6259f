package io.engram.app.assignment;

import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask;
import org.apache.kafka.streams.processor.assignment.ProcessId;

/** What an assignor decided. */
record Outcome(Collection<KafkaStreamsAssignment> assignments) {
    Map<TaskId, AssignedTask.Type> of(ProcessId client) {
        Map<TaskId, AssignedTask.Type> tasks = new TreeMap<>();
        assignments.stream()
                .filter(assignment -> assignment.processId().equals(client))
                .forEach(assignment -> assignment.tasks().forEach((id, task) -> tasks.put(id, task.type())));
        return tasks;
    }

    long count(ProcessId client, AssignedTask.Type type) {
        return of(client).values().stream().filter(type::equals).count();
    }

    List<Instant> deadlines() {
        return assignments.stream()
                .map(KafkaStreamsAssignment::followupRebalanceDeadline)
                .flatMap(Optional::stream)
                .toList();
    }

    boolean rebalancesAgain() {
        return !deadlines().isEmpty();
    }
}
