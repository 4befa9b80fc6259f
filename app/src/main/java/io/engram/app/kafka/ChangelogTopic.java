package io.engram.app.kafka;

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
 * The changelog as the brokers know it, and whether there should be one.
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
     * Asks the brokers.
     *
     * @param group the application's id
     */
    public static ChangelogTopic read(Admin admin, TopicPlan plan, String group)
            throws InterruptedException, ExecutionException, TimeoutException {
        Optional<TopicState> state = TopicState.find(admin, plan.changelog());
        boolean processed = GroupOffsets.committed(admin, group).entrySet().stream()
                .filter(entry -> plan.lanes().contains(entry.getKey().topic()))
                .anyMatch(entry -> entry.getValue() != null && entry.getValue().offset() > 0);
        Map<Integer, Long> ends =
                state.isPresent() ? ends(admin, plan.changelog(), state.get().partitions()) : Map.of();
        return new ChangelogTopic(
                plan.changelog(), state.map(found -> found.id().toString()), processed, ends);
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
