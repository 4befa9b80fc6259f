package io.engram.app.kafka;

import io.engram.topology.rejection.WriteLimits;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Checks the topics that are there, then creates those that are missing, with explicit settings. */
public final class TopicSetup {
    private static final Logger LOG = LoggerFactory.getLogger(TopicSetup.class);

    /** The topics on the broker do not fit together, or cannot be created as they are wanted. */
    public static final class TopicMismatchException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TopicMismatchException(String message) {
            super(message);
        }
    }

    private final Admin admin;
    private final TopicPlan plan;

    public TopicSetup(Admin admin, TopicPlan plan) {
        this.admin = admin;
        this.plan = plan;
    }

    /**
     * Checks everything, and creates what is missing only when all of it fits and the broker would take all of it.
     *
     * @param limits are told what the topics take
     * @return the ids of the changelogs, by their names
     * @throws TopicMismatchException when the topics do not fit; nothing was created then
     */
    public Map<String, String> ensure(WriteLimits limits)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<String, TopicState> found = TopicState.read(admin, plan.names());
        new TopicChecks(plan, found).check();
        // Kafka Streams would make the changelogs as well, but only with the first tasks, whose state has to know their
        // ids
        // before.
        List<NewTopic> missing = missing(found);
        create(missing, new CreateTopicsOptions());
        for (NewTopic topic : missing) {
            if (found.containsKey(plan.memories())) {
                LOG.warn(
                        "Topic {} was missing beside memories, and was made again; what it held and was not processed is"
                                + " gone, no memory is",
                        topic.name());
            }
        }
        Map<String, TopicState> now = TopicState.read(admin, plan.names());
        for (String topic : plan.names()) {
            if (!now.containsKey(topic)) {
                throw new ExecutionException(new UnknownTopicOrPartitionException(topic + " is not known yet"));
            }
        }
        TopicChecks checks = new TopicChecks(plan, now);
        checks.check().forEach(warning -> LOG.warn("{}", warning));
        checks.apply(limits);
        Map<String, String> ids = new HashMap<>();
        plan.changelogs().forEach(name -> ids.put(name, now.get(name).id().toString()));
        return ids;
    }

    /** What is not there, as the broker would create it. */
    private List<NewTopic> missing(Map<String, TopicState> found)
            throws InterruptedException, ExecutionException, TimeoutException {
        List<NewTopic> largest = missing(found, plan.largestLaneBytes());
        try {
            create(largest, new CreateTopicsOptions().validateOnly(true));
            return largest;
        } catch (TopicMismatchException e) {
            LOG.debug("The broker may allow no lanes of {} bytes", plan.largestLaneBytes(), e); // managed clouds do not
        }
        List<NewTopic> smaller = missing(found, plan.maxMessageBytes());
        create(smaller, new CreateTopicsOptions().validateOnly(true));
        return smaller;
    }

    private List<NewTopic> missing(Map<String, TopicState> found, int laneBytes) {
        return plan.wanted(laneBytes).stream()
                .filter(topic -> !found.containsKey(topic.name()))
                .toList();
    }

    private void create(List<NewTopic> wanted, CreateTopicsOptions options)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<String, KafkaFuture<Void>> created =
                admin.createTopics(wanted, options).values();
        for (NewTopic topic : wanted) {
            try {
                created.get(topic.name()).get(TopicState.LIMIT_MS, TimeUnit.MILLISECONDS);
                if (!options.shouldValidateOnly()) {
                    LOG.info("Created topic {} with {} partitions", topic.name(), plan.partitions());
                }
            } catch (ExecutionException e) {
                if (isRefusal(e.getCause())) {
                    throw new TopicMismatchException(refused(topic, e.getCause()));
                }
                if (!(e.getCause() instanceof TopicExistsException)) {
                    throw e;
                }
                LOG.debug("Another instance created {}", topic.name());
            }
        }
    }

    private static boolean isRefusal(Throwable cause) {
        return cause instanceof PolicyViolationException
                || cause instanceof InvalidConfigurationException
                || cause instanceof InvalidReplicationFactorException
                || cause instanceof TopicAuthorizationException;
    }

    private String refused(NewTopic topic, Throwable cause) {
        StringBuilder byHand = new StringBuilder(
                "kafka-topics --create --topic " + topic.name() + " --partitions " + plan.partitions());
        if (plan.replicationFactor() > 0) {
            byHand.append(" --replication-factor ").append(plan.replicationFactor());
        }
        topic.configs()
                .forEach((key, value) ->
                        byHand.append(" --config ").append(key).append('=').append(value));
        return "the broker does not create topic " + topic.name() + " with " + topic.configs() + ": "
                + cause.getMessage()
                + ". Nothing was created. Set topics.max.message.bytes (now " + plan.maxMessageBytes()
                + "), topics.compression.type (now " + plan.compressionType()
                + ") or replication.factor (now " + plan.replicationFactor()
                + ") to what it allows, or make the topic by hand with settings that it allows: " + byHand;
    }
}
