package io.engram.app.query;

import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.EngramTopology;
import io.engram.topology.SpacePartitioner;
import io.engram.topology.store.MemoryView;
import io.engram.topology.store.MemoryView.Role;
import io.engram.topology.store.OpenStores;
import io.engram.topology.store.StoreQuery;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.LagInfo;
import org.apache.kafka.streams.TaskMetadata;
import org.apache.kafka.streams.ThreadMetadata;
import org.apache.kafka.streams.errors.StreamsNotStartedException;
import org.apache.kafka.streams.errors.StreamsStoppedException;
import org.apache.kafka.streams.errors.UnknownStateStoreException;
import org.apache.kafka.streams.query.QueryResult;
import org.apache.kafka.streams.query.StateQueryRequest;
import org.apache.kafka.streams.query.StateQueryResult;

/**
 * The partitions of the memory store that this instance holds, by interactive query (KIP-796), and those that are open
 * while Streams has their tasks in none of its lists. Thread-safe.
 */
public final class LocalStores {
    private final KafkaStreams streams;
    private final Topics topics;
    private final ToIntFunction<String> partitioner;
    private final OpenStores open;
    private final Supplier<Optional<String>> trouble;

    /** @param trouble why this instance serves nothing right now, in words; empty when nothing keeps it from that */
    public LocalStores(
            KafkaStreams streams, Topics topics, int partitions, OpenStores open, Supplier<Optional<String>> trouble) {
        this(streams, topics, space -> SpacePartitioner.partition(space, partitions), open, trouble);
    }

    /**
     * As the other one, with partitions of the caller's.
     *
     * @param partitioner tells on which one a space lives; one that Streams does not know is asked where it is open
     */
    public LocalStores(
            KafkaStreams streams,
            Topics topics,
            ToIntFunction<String> partitioner,
            OpenStores open,
            Supplier<Optional<String>> trouble) {
        this.open = open;
        this.trouble = trouble;
        this.streams = streams;
        this.topics = topics;
        this.partitioner = partitioner;
    }

    /** The partition that a space lives on. */
    public int partitionOf(String space) {
        return partitioner.applyAsInt(space);
    }

    /**
     * Asks the partition of a space, in the calling thread; a standby that is close behind will do.
     *
     * @throws UnavailableException while this instance does not serve that partition
     */
    public <R> R ask(String space, Function<MemoryView, R> question) {
        return ask(space, Set.of(Role.ACTIVE, Role.STANDBY), question);
    }

    /**
     * Asks the partition of a space for something that may not be there. That it is not, only the active copy knows: what
     * a standby does not know may have been written a moment ago.
     *
     * @throws UnavailableException while this instance does not serve that partition
     * @throws UnavailableException.NotKnownException when a standby here does not know it
     */
    public <R> Optional<R> find(String space, Function<MemoryView, Optional<R>> question) {
        return ask(space, view -> {
            // Told before the look: what an active copy does not find is not there.
            Role role = view.role();
            Optional<R> found = question.apply(view);
            if (found.isEmpty() && role != Role.ACTIVE) {
                throw new UnavailableException.NotKnownException();
            }
            return found;
        });
    }

    /**
     * Asks the partition of a space where it is processed.
     *
     * @throws UnavailableException while that is not here
     */
    public <R> R askActive(String space, Function<MemoryView, R> question) {
        return ask(space, Set.of(Role.ACTIVE), question);
    }

    private <R> R ask(String space, Set<Role> roles, Function<MemoryView, R> question) {
        int partition = partitionOf(space);
        Function<MemoryView, Optional<R>> inRole =
                view -> roles.contains(view.role()) ? Optional.of(question.apply(view)) : Optional.empty();
        return Optional.ofNullable(query(inRole, Optional.of(Set.of(partition))).get(partition))
                .flatMap(Function.identity())
                .orElseThrow(() -> new UnavailableException(
                        "partition " + partition + " is not served here right now: " + whyNot(partition)));
    }

    private String whyNot(int partition) {
        return Optional.ofNullable(
                        query(MemoryView::state, Optional.of(Set.of(partition))).get(partition))
                .or(trouble)
                .orElse("it is elsewhere");
    }

    /** Asks every partition that this instance holds, whatever its role. */
    public <R> Map<Integer, R> askEach(Function<MemoryView, R> question) {
        return query(question, Optional.empty());
    }

    /** What this instance can do for the partition of a space right now. */
    public Role roleOf(String space) {
        int partition = partitionOf(space);
        return query(MemoryView::role, Optional.of(Set.of(partition))).getOrDefault(partition, Role.LOADING);
    }

    /** True when every task of this instance can answer recall: active ones, and standbys close behind. */
    public boolean allServe() {
        Set<Integer> tasks = partitionsOf(ThreadMetadata::activeTasks);
        tasks.addAll(partitionsOf(ThreadMetadata::standbyTasks));
        return serving().containsAll(tasks);
    }

    /** True when every active task of this instance can answer recall, if only as the standby that it was. */
    public boolean allActiveServe() {
        return serving().containsAll(partitionsOf(ThreadMetadata::activeTasks));
    }

    /** True when there are stream threads, and all of them have got what is theirs. */
    public boolean threadsRun() {
        Set<ThreadMetadata> threads = streams.metadataForLocalThreads();
        return !threads.isEmpty()
                && threads.stream().allMatch(thread -> thread.threadState().equals("RUNNING"));
    }

    /** False when no stream thread lives, and there is nobody whom the group tells anything. */
    boolean hasThreads() {
        return !streams.metadataForLocalThreads().isEmpty();
    }

    /** True when at least one partition can be recalled from here. */
    public boolean servesAny() {
        return !serving().isEmpty();
    }

    /** How many partitions this instance holds in each role. */
    public Map<String, Integer> countByRole() {
        Map<String, Integer> counts = new LinkedHashMap<>();
        for (Role role : Role.values()) {
            counts.put(role.label(), 0);
        }
        askEach(MemoryView::role).values().forEach(role -> counts.merge(role.label(), 1, Integer::sum));
        return counts;
    }

    /** Records that each standby here is behind, as last measured. */
    public Map<Integer, Long> lagOfStandbys() {
        Map<Integer, Long> lags = new LinkedHashMap<>();
        Set<Integer> standbys = standbys();
        askEach(MemoryView::standbyLag).forEach((partition, lag) -> {
            if (standbys.contains(partition)) {
                lags.put(partition, lag);
            }
        });
        return lags;
    }

    private Set<Integer> serving() {
        Set<Integer> serving = new HashSet<>();
        query(MemoryView::role, Optional.empty()).forEach((partition, role) -> {
            if (role != Role.LOADING) {
                serving.add(partition);
            }
        });
        return serving;
    }

    private Set<Integer> partitionsOf(Function<ThreadMetadata, Set<TaskMetadata>> kind) {
        Set<Integer> partitions = new HashSet<>();
        for (ThreadMetadata thread : streams.metadataForLocalThreads()) {
            kind.apply(thread).forEach(task -> partitions.add(task.taskId().partition()));
        }
        return partitions;
    }

    /** Partitions that this instance follows as a standby. */
    Set<Integer> standbys() {
        return partitionsOf(ThreadMetadata::standbyTasks);
    }

    /** How far each partition here is behind its changelogs, in records, by store; asks the broker. */
    Map<String, Map<Integer, LagInfo>> changelogLags() {
        return streams.allLocalStorePartitionLags();
    }

    /** Committed offsets of a partition's lanes; lanes without a commit since the task started are missing. */
    Map<Lane, Long> committedOffsets(int partition) {
        Map<Lane, Long> committed = new EnumMap<>(Lane.class);
        for (ThreadMetadata thread : streams.metadataForLocalThreads()) {
            for (TaskMetadata task : thread.activeTasks()) {
                if (task.taskId().partition() != partition) {
                    continue;
                }
                for (Map.Entry<TopicPartition, Long> offset :
                        task.committedOffsets().entrySet()) {
                    topics.laneOf(offset.getKey().topic()).ifPresent(lane -> committed.put(lane, offset.getValue()));
                }
            }
        }
        return committed;
    }

    private <R> Map<Integer, R> query(Function<MemoryView, R> question, Optional<Set<Integer>> only) {
        StateQueryRequest<R> request =
                StateQueryRequest.inStore(EngramTopology.STORE).withQuery(new StoreQuery<>(question));
        StateQueryResult<R> result = new StateQueryResult<>();
        try {
            result = streams.query(only.map(request::withPartitions).orElseGet(request::withAllPartitions));
        } catch (StreamsNotStartedException e) {
            // It has no task, and what is open is none of its tasks.
        } catch (StreamsStoppedException | UnknownStateStoreException e) {
            return Map.of();
        }
        Map<Integer, R> answers = new LinkedHashMap<>();
        for (Map.Entry<Integer, QueryResult<R>> entry :
                result.getPartitionResults().entrySet()) {
            if (entry.getValue().isSuccess()) {
                answers.put(entry.getKey(), entry.getValue().getResult());
            }
        }
        for (int partition : only.orElseGet(open::partitions)) {
            if (!answers.containsKey(partition)) {
                open.ask(partition, question).ifPresent(answer -> answers.put(partition, answer));
            }
        }
        return answers;
    }
}
