package io.engram.app.query;

import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.EngramTopology;
import io.engram.topology.SpacePartitioner;
import io.engram.topology.store.MemoryView;
import io.engram.topology.store.StoreQuery;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.TaskMetadata;
import org.apache.kafka.streams.ThreadMetadata;
import org.apache.kafka.streams.errors.StreamsNotStartedException;
import org.apache.kafka.streams.errors.StreamsStoppedException;
import org.apache.kafka.streams.errors.UnknownStateStoreException;
import org.apache.kafka.streams.query.QueryResult;
import org.apache.kafka.streams.query.StateQueryRequest;
import org.apache.kafka.streams.query.StateQueryResult;

/** The partitions of the memory store that this instance holds, by interactive query (KIP-796). Thread-safe. */
public final class LocalStores {
    private final KafkaStreams streams;
    private final Topics topics;
    private final int partitions;

    public LocalStores(KafkaStreams streams, Topics topics, int partitions) {
        this.streams = streams;
        this.topics = topics;
        this.partitions = partitions;
    }

    /** The partition that a space lives on. */
    public int partitionOf(String space) {
        return SpacePartitioner.partition(space, partitions);
    }

    /**
     * Asks the partition of a space, in the calling thread.
     *
     * @throws UnavailableException while this instance does not serve that partition
     */
    public <R> R ask(String space, Function<MemoryView, R> question) {
        int partition = partitionOf(space);
        return Optional.ofNullable(query(whereServed(question), Optional.of(Set.of(partition)))
                        .get(partition))
                .flatMap(Function.identity())
                .orElseThrow(() -> new UnavailableException(
                        "partition " + partition + " of space '" + space + "' is not served here right now"));
    }

    /**
     * Asks every partition that this instance serves.
     *
     * @throws UnavailableException while it serves none
     */
    public <R> Map<Integer, R> askAll(Function<MemoryView, R> question) {
        Map<Integer, R> answers = new LinkedHashMap<>();
        query(whereServed(question), Optional.empty())
                .forEach((partition, answer) -> answer.ifPresent(value -> answers.put(partition, value)));
        if (answers.isEmpty()) {
            throw new UnavailableException("no partition is served here right now");
        }
        return answers;
    }

    /** The question, unanswered where the partition is held but not served. */
    private static <R> Function<MemoryView, Optional<R>> whereServed(Function<MemoryView, R> question) {
        return view -> isServing(view) ? Optional.of(question.apply(view)) : Optional.empty();
    }

    /** An active task whose index is complete; one that is still restoring has no lanes yet. */
    private static boolean isServing(MemoryView view) {
        return !view.lanes().isEmpty() && view.index().isCaughtUp();
    }

    /**
     * True when every active task of this instance answers recall, and every standby is loaded and close behind.
     *
     * @param maxLag changelog records that a standby may have stored but not indexed
     */
    public boolean allCaughtUp(int maxLag) {
        Map<Integer, Boolean> near = query(
                view -> view.index().isCaughtUp() && view.index().backgroundPending() <= maxLag, Optional.empty());
        return !near.containsValue(false) && allActiveServe();
    }

    /** True when every active task of this instance answers recall. */
    public boolean allActiveServe() {
        int active = 0;
        for (ThreadMetadata thread : streams.metadataForLocalThreads()) {
            active += thread.activeTasks().size();
        }
        Map<Integer, Boolean> serving = query(LocalStores::isServing, Optional.empty());
        return serving.values().stream().filter(Boolean::booleanValue).count() >= active;
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
        StateQueryResult<R> result;
        try {
            result = streams.query(only.map(request::withPartitions).orElseGet(request::withAllPartitions));
        } catch (StreamsNotStartedException | StreamsStoppedException | UnknownStateStoreException e) {
            return Map.of();
        }
        Map<Integer, R> answers = new LinkedHashMap<>();
        for (Map.Entry<Integer, QueryResult<R>> entry :
                result.getPartitionResults().entrySet()) {
            if (entry.getValue().isSuccess()) {
                answers.put(entry.getKey(), entry.getValue().getResult());
            }
        }
        return answers;
    }
}
