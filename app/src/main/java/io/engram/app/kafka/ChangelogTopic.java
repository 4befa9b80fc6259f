package io.engram.app.kafka;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * The changelog as the brokers know it, and whether there should be one.
 *
 * @param name of the topic
 * @param id of the topic, another one when it was deleted and made again; empty when it is not there
 * @param processed true when the group has processed records of a lane, so that there has been a changelog
 */
public record ChangelogTopic(String name, Optional<String> id, boolean processed) {
    private static final int NOW_MS = 2_000;

    /**
     * Asks the brokers.
     *
     * @param group the application's id
     */
    public static ChangelogTopic read(Admin admin, TopicPlan plan, String group)
            throws InterruptedException, ExecutionException, TimeoutException {
        Optional<String> id = id(admin, plan.changelog());
        boolean processed = GroupOffsets.committed(admin, group).entrySet().stream()
                .filter(entry -> plan.lanes().contains(entry.getKey().topic()))
                .anyMatch(entry -> entry.getValue() != null && entry.getValue().offset() > 0);
        return new ChangelogTopic(plan.changelog(), id, processed);
    }

    /** The id of a topic as it is now; empty when the brokers say that it is not there. */
    public static Optional<String> id(Admin admin, String topic)
            throws InterruptedException, ExecutionException, TimeoutException {
        return Optional.ofNullable(TopicState.read(admin, List.of(topic)).get(topic))
                .map(state -> state.id().toString());
    }

    /** How many partitions a topic has; 0 when the brokers say that it is not there. */
    public static int partitions(Admin admin, String topic)
            throws InterruptedException, ExecutionException, TimeoutException {
        return Optional.ofNullable(TopicState.read(admin, List.of(topic)).get(topic))
                .map(TopicState::partitions)
                .orElse(0);
    }

    /** The largest batch that the brokers append to a topic, bytes. */
    public static int maxBytes(Admin admin, String topic)
            throws InterruptedException, ExecutionException, TimeoutException {
        return TopicState.read(admin, List.of(topic)).get(topic).maxBytes();
    }

    /** As {@link #id}, for who cannot wait for longer than two seconds. */
    public static Optional<String> idNow(Admin admin, String topic)
            throws InterruptedException, ExecutionException, TimeoutException {
        try {
            return Optional.of(admin.describeTopics(List.of(topic), new DescribeTopicsOptions().timeoutMs(NOW_MS))
                    .topicNameValues()
                    .get(topic)
                    .get(NOW_MS, TimeUnit.MILLISECONDS)
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
