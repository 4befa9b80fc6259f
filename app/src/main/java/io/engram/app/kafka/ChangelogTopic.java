package io.engram.app.kafka;

import io.engram.topology.EngramTopology;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A changelog as the brokers know it, and whether there should be one.
 *
 * @param name of the topic
 * @param id of the topic, another one when it was deleted and made again; empty when it is not there
 * @param processed true when the group has processed records of a lane, so that there has been a changelog
 * @param ends offset after the last record, by partition; partitions that do not answer are left out
 */
public record ChangelogTopic(String name, Optional<String> id, boolean processed, Map<Integer, Long> ends) {
    private static final Logger LOG = LoggerFactory.getLogger(ChangelogTopic.class);
    private static final int ENDS_MS = 10_000;

    public ChangelogTopic {
        ends = Map.copyOf(ends);
    }

    /**
     * Asks the brokers about every changelog.
     *
     * @param group the application's id
     */
    public static List<ChangelogTopic> read(Admin admin, TopicPlan plan, String group)
            throws InterruptedException, ExecutionException, TimeoutException {
        boolean processed = GroupOffsets.committed(admin, group).entrySet().stream()
                .filter(entry -> plan.lanes().contains(entry.getKey().topic()))
                .anyMatch(entry -> entry.getValue() != null && entry.getValue().offset() > 0);
        List<ChangelogTopic> changelogs = new ArrayList<>();
        for (String name : plan.changelogs()) {
            Optional<TopicState> state = TopicState.find(admin, name);
            Map<Integer, Long> ends =
                    state.isPresent() ? ends(admin, name, state.get().partitions()) : Map.of();
            changelogs.add(
                    new ChangelogTopic(name, state.map(found -> found.id().toString()), processed, ends));
        }
        return changelogs;
    }

    /** The store that it is of. */
    public String store() {
        return EngramTopology.STORES.stream()
                .filter(store -> name.endsWith("-" + store + "-changelog"))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(name + " is the changelog of no store"));
    }

    /** A partition without a leader does not keep the others from being served, so it is left out. */
    private static Map<Integer, Long> ends(Admin admin, String topic, int partitions) throws InterruptedException {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            asked.put(new TopicPartition(topic, partition), OffsetSpec.latest());
        }
        ListOffsetsResult answers = admin.listOffsets(asked, new ListOffsetsOptions().timeoutMs(ENDS_MS));
        Map<Integer, Long> ends = new HashMap<>();
        for (TopicPartition partition : asked.keySet()) {
            try {
                ends.put(
                        partition.partition(),
                        answers.partitionResult(partition)
                                .get(2L * ENDS_MS, TimeUnit.MILLISECONDS)
                                .offset());
            } catch (ExecutionException | TimeoutException e) {
                LOG.warn("Cannot compare the state with {}, which does not answer: {}", partition, e.toString());
            }
        }
        return ends;
    }

    /** True when it is certain that nothing was ever written to it. */
    public boolean isEmpty() {
        return !ends.isEmpty() && ends.values().stream().allMatch(end -> end == 0);
    }

    /**
     * The id of a topic as it is now; empty when the brokers say that it is not there.
     *
     * @param limitMs for which to wait for the answer, milliseconds
     */
    public static Optional<String> id(Admin admin, String topic, int limitMs)
            throws InterruptedException, ExecutionException, TimeoutException {
        try {
            return Optional.of(admin.describeTopics(List.of(topic), new DescribeTopicsOptions().timeoutMs(limitMs))
                    .topicNameValues()
                    .get(topic)
                    .get(limitMs, TimeUnit.MILLISECONDS)
                    .topicId()
                    .toString());
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return Optional.empty();
            }
            throw e;
        }
    }
}
