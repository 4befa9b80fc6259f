package io.engram.app.kafka;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * A topic as the broker describes it.
 *
 * @param id another one when the topic was deleted and made again
 * @param settings by key, as they are in force
 */
public record TopicState(Uuid id, int partitions, Map<String, String> settings) {
    private static final int REQUEST_TIMEOUT_MS = 10_000;
    // The client answers for itself before that, unless its thread is gone.
    static final long LIMIT_MS = 2 * REQUEST_TIMEOUT_MS;

    /** Asks the broker about one topic; empty when it does not exist. */
    public static Optional<TopicState> find(Admin admin, String name)
            throws InterruptedException, ExecutionException, TimeoutException {
        return Optional.ofNullable(read(admin, List.of(name)).get(name));
    }

    /** Asks the broker; topics that do not exist are left out. */
    static Map<String, TopicState> read(Admin admin, Collection<String> names)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<String, TopicDescription> found = new LinkedHashMap<>();
        for (Map.Entry<String, KafkaFuture<TopicDescription>> described : admin.describeTopics(
                        names, new DescribeTopicsOptions().timeoutMs(REQUEST_TIMEOUT_MS))
                .topicNameValues()
                .entrySet()) {
            try {
                found.put(described.getKey(), described.getValue().get(LIMIT_MS, TimeUnit.MILLISECONDS));
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) {
                    throw e;
                }
            }
        }
        List<ConfigResource> resources = new ArrayList<>();
        found.keySet().forEach(name -> resources.add(new ConfigResource(ConfigResource.Type.TOPIC, name)));
        Map<ConfigResource, Config> settings = admin.describeConfigs(
                        resources, new DescribeConfigsOptions().timeoutMs(REQUEST_TIMEOUT_MS))
                .all()
                .get(LIMIT_MS, TimeUnit.MILLISECONDS);
        Map<String, TopicState> states = new HashMap<>();
        for (ConfigResource resource : resources) {
            Map<String, String> values = new HashMap<>();
            settings.get(resource).entries().forEach(entry -> {
                if (entry.value() != null) {
                    values.put(entry.name(), entry.value());
                }
            });
            TopicDescription description = found.get(resource.name());
            states.put(
                    resource.name(),
                    new TopicState(
                            description.topicId(), description.partitions().size(), Map.copyOf(values)));
        }
        return states;
    }

    String setting(String key) {
        return settings.getOrDefault(key, "");
    }

    /** The largest batch that the broker appends to the topic, bytes. */
    public int maxBytes() {
        return (int) Math.min(
                Long.parseLong(settings.getOrDefault(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, "1048588")),
                Long.parseLong(
                        settings.getOrDefault(TopicConfig.SEGMENT_BYTES_CONFIG, Integer.toString(Integer.MAX_VALUE))));
    }

    /** The setting that {@link #maxBytes} comes from. */
    String maxBytesSetting() {
        return setting(TopicConfig.MAX_MESSAGE_BYTES_CONFIG).equals(Integer.toString(maxBytes()))
                ? TopicConfig.MAX_MESSAGE_BYTES_CONFIG
                : TopicConfig.SEGMENT_BYTES_CONFIG;
    }

    boolean isCleanedBy(String policy) {
        return setting(TopicConfig.CLEANUP_POLICY_CONFIG).contains(policy);
    }
}
