package io.engram.app.assignment;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.ApplicationState;
import org.apache.kafka.streams.processor.assignment.AssignmentConfigs;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsState;
import org.apache.kafka.streams.processor.assignment.ProcessId;
import org.apache.kafka.streams.processor.assignment.TaskInfo;
import org.apache.kafka.streams.processor.assignment.TaskTopicPartition;
import org.apache.kafka.streams.state.HostInfo;

/** An application as an assignor sees it: one task with a store for each partition, and the clients that a test adds. */
final class TestApplication implements ApplicationState {
    /** Records that a copy may lack and still count as caught up. */
    static final long ACCEPTABLE_LAG = 10_000;

    /** Between two rebalances that look whether copies have caught up, ms. */
    static final long PROBING_MS = 60_000;

    private final Map<ProcessId, KafkaStreamsState> clients = new LinkedHashMap<>();
    private final Map<TaskId, TaskInfo> tasks = new TreeMap<>();
    private final int standbys;
    private List<String> tags = List.of();
    private String strategy = StreamsConfig.RACK_AWARE_ASSIGNMENT_STRATEGY_NONE;

    TestApplication(int partitions, int standbys) {
        this.standbys = standbys;
        IntStream.range(0, partitions).forEach(partition -> addTask(partition, Set.of("a", "b")));
    }

    static TaskId task(int partition) {
        return new TaskId(0, partition);
    }

    private void addTask(int partition, Set<String> racks) {
        tasks.put(task(partition), new Task(task(partition), racks));
    }

    /** Whose copies of lane and changelog are in one rack. */
    TestApplication inRacks(String... racks) {
        for (int partition = 0; partition < racks.length; partition++) {
            addTask(partition, Set.of(racks[partition]));
        }
        strategy = StreamsConfig.RACK_AWARE_ASSIGNMENT_STRATEGY_MIN_TRAFFIC;
        return this;
    }

    /** Standbys are kept apart by this tag. */
    TestApplication apartBy(String tag) {
        tags = List.of(tag);
        return this;
    }

    /** A client with one thread; ids rise in the order in which clients are added. */
    ProcessId add(long... lags) {
        return add(new Client(id(), 1, lags(lags), Optional.empty(), Map.of(), Optional.empty()));
    }

    ProcessId add(Client client) {
        clients.put(client.processId(), client);
        return client.processId();
    }

    ProcessId id() {
        return new ProcessId(new UUID(0, clients.size() + 1));
    }

    /** One for each task. */
    Map<TaskId, Long> lags(long... lags) {
        Map<TaskId, Long> byTask = new TreeMap<>();
        tasks.keySet().forEach(task -> byTask.put(task, lags[lags.length == 1 ? 0 : task.partition()]));
        return byTask;
    }

    @Override
    public Map<ProcessId, KafkaStreamsState> kafkaStreamsStates(boolean computeTaskLags) {
        return clients;
    }

    @Override
    public AssignmentConfigs assignmentConfigs() {
        return new AssignmentConfigs(
                ACCEPTABLE_LAG, 2, standbys, PROBING_MS, tags, OptionalInt.empty(), OptionalInt.empty(), strategy);
    }

    @Override
    public Map<TaskId, TaskInfo> allTasks() {
        return tasks;
    }

    /** With a lane and a changelog, both in the same racks. */
    private record Task(TaskId id, Set<String> racks) implements TaskInfo {
        @Override
        public boolean isStateful() {
            return true;
        }

        @Override
        public Set<String> stateStoreNames() {
            return Set.of("memory");
        }

        @Override
        public Set<TaskTopicPartition> topicPartitions() {
            return Set.of(
                    new Partition(new TopicPartition("lane", id.partition()), false, racks),
                    new Partition(new TopicPartition("changelog", id.partition()), true, racks));
        }
    }

    private record Partition(TopicPartition topicPartition, boolean isChangelog, Set<String> racks)
            implements TaskTopicPartition {
        @Override
        public boolean isSource() {
            return !isChangelog;
        }

        @Override
        public Optional<Set<String>> rackIds() {
            return Optional.of(racks);
        }
    }

    /**
     * An instance.
     *
     * @param lags of each task
     */
    record Client(
            ProcessId processId,
            int numProcessingThreads,
            Map<TaskId, Long> lags,
            Optional<HostInfo> hostInfo,
            Map<String, String> clientTags,
            Optional<String> rackId)
            implements KafkaStreamsState {
        @Override
        public SortedSet<String> consumerClientIds() {
            return new TreeSet<>(Set.of("consumer-" + processId));
        }

        @Override
        public SortedSet<TaskId> previousActiveTasks() {
            SortedSet<TaskId> active = new TreeSet<>(lags.keySet());
            active.removeIf(task -> lagFor(task) != Lags.ACTIVE);
            return active;
        }

        @Override
        public SortedSet<TaskId> previousStandbyTasks() {
            return new TreeSet<>();
        }

        @Override
        public long lagFor(TaskId task) {
            return lags.get(task);
        }

        @Override
        public SortedSet<TaskId> prevTasksByLag(String consumerClientId) {
            return new TreeSet<>(lags.keySet());
        }

        @Override
        public SortedMap<TaskId, Long> statefulTasksToLagSums() {
            return new TreeMap<>(lags);
        }
    }
}
