package io.engram.app.assignment;

import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.ApplicationState;
import org.apache.kafka.streams.processor.assignment.AssignmentConfigs;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsState;
import org.apache.kafka.streams.processor.assignment.ProcessId;
import org.apache.kafka.streams.processor.assignment.TaskAssignmentUtils;
import org.apache.kafka.streams.processor.assignment.TaskAssignmentUtils.RackAwareOptimizationParams;
import org.apache.kafka.streams.processor.assignment.TaskInfo;

/**
 * What {@code rack.aware.assignment.*} asks for: less traffic between racks (KIP-925), standbys kept apart by tags (KIP-708).
 * Does nothing unless it is set.
 */
final class Racks {
    // Those of KIP-925 for an assignor that keeps copies warm.
    private static final int TRAFFIC_COST = 10;
    private static final int NON_OVERLAP_COST = 1;

    private final ApplicationState application;

    Racks(ApplicationState application) {
        this.application = application;
    }

    /** The application with costs, without which Kafka optimises nothing. */
    private record WithCosts(ApplicationState application) implements ApplicationState {
        @Override
        public Map<ProcessId, KafkaStreamsState> kafkaStreamsStates(boolean computeTaskLags) {
            return application.kafkaStreamsStates(computeTaskLags);
        }

        @Override
        public Map<TaskId, TaskInfo> allTasks() {
            return application.allTasks();
        }

        @Override
        public AssignmentConfigs assignmentConfigs() {
            AssignmentConfigs configs = application.assignmentConfigs();
            return new AssignmentConfigs(
                    configs.acceptableRecoveryLag(),
                    configs.maxWarmupReplicas(),
                    configs.numStandbyReplicas(),
                    configs.probingRebalanceIntervalMs(),
                    configs.rackAwareAssignmentTags(),
                    OptionalInt.of(configs.rackAwareTrafficCost().orElse(TRAFFIC_COST)),
                    OptionalInt.of(configs.rackAwareNonOverlapCost().orElse(NON_OVERLAP_COST)),
                    configs.rackAwareAssignmentStrategy());
        }
    }

    private boolean areToBeLookedAt() {
        return !application
                .assignmentConfigs()
                .rackAwareAssignmentStrategy()
                .equals(StreamsConfig.RACK_AWARE_ASSIGNMENT_STRATEGY_NONE);
    }

    /** Swaps active tasks for less traffic; the number of each client stays. */
    void optimizeActives(Map<ProcessId, KafkaStreamsAssignment> assignments) {
        if (areToBeLookedAt()) {
            TaskAssignmentUtils.optimizeRackAwareActiveTasks(
                    RackAwareOptimizationParams.of(new WithCosts(application)).forStatefulTasks(), assignments);
        }
    }

    /** The same for standbys. */
    void optimizeStandbys(Map<ProcessId, KafkaStreamsAssignment> assignments) {
        if (areToBeLookedAt()) {
            TaskAssignmentUtils.optimizeRackAwareStandbyTasks(
                    RackAwareOptimizationParams.of(new WithCosts(application)), assignments);
        }
    }

    /** Whether a standby of one is kept as far apart at the other. */
    boolean haveSameTags(KafkaStreamsState one, KafkaStreamsState other) {
        return tags(one).equals(tags(other));
    }

    private Map<String, String> tags(KafkaStreamsState client) {
        return client.clientTags().entrySet().stream()
                .filter(tag -> application
                        .assignmentConfigs()
                        .rackAwareAssignmentTags()
                        .contains(tag.getKey()))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    }
}
