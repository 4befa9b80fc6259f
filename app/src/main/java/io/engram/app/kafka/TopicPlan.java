package io.engram.app.kafka;

import io.engram.app.config.EngramConfig;
import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.TopicConfig;

/**
 * The topics as they should be.
 *
 * @param changelogs names of the stores' changelogs, as Kafka Streams calls them; that of the memories first
 * @param changelogSettings with which Kafka Streams would create them
 * @param partitions of all topics, 1 or more
 * @param replicationFactor of topics that are created, -1 for the broker's default
 * @param maxMessageBytes of rejections that are created, and of lanes where the broker allows no more
 * @param compressionType of lanes that are created: {@code uncompressed}, or {@code producer} for as it was sent
 * @param rejectedRetentionMs how long the topic of rejections keeps them when it is created, milliseconds
 * @param clients what the producers send at most
 */
public record TopicPlan(
        Topics topics,
        List<String> changelogs,
        Map<String, String> changelogSettings,
        int partitions,
        short replicationFactor,
        int maxMessageBytes,
        String compressionType,
        long rejectedRetentionMs,
        ClientLimits clients) {
    /** The broker unpacks what it appends, and judges its size unpacked. */
    static final String UNCOMPRESSED = "uncompressed";

    /**
     * What a lane takes that is judged unpacked: more than any observation may have, so that what is too large by mistake is
     * among the rejections, and no more than an instance can look at.
     */
    static final int UNPACKED_LANE_BYTES = 32 << 20;

    /** The broker stamps each record when it appends it. */
    static final String BROKER_TIME = "LogAppendTime";

    private static final String DAYS_7 = Long.toString(7L * 24 * 60 * 60 * 1_000);

    /**
     * What producers send at most.
     *
     * @param streamsBytes the largest record of a task
     * @param streamsSetting the setting that this comes from
     * @param batchBytes up to which a task's producer collects records in a batch
     * @param redeliveryBytes the largest record that redelivery writes to a lane
     */
    public record ClientLimits(int streamsBytes, String streamsSetting, int batchBytes, int redeliveryBytes) {}

    /** The topics of that configuration. */
    public static TopicPlan of(EngramConfig config, ClientLimits clients) {
        return new TopicPlan(
                config.topics(),
                config.changelogTopics(),
                config.topology().changelogConfig(),
                config.partitions(),
                config.replicationFactor(),
                config.topicsMaxMessageBytes(),
                config.topicsCompressionType(),
                config.topology().sessions().openMs(),
                clients);
    }

    public TopicPlan {
        changelogs = List.copyOf(changelogs);
        changelogSettings = Map.copyOf(changelogSettings);
    }

    /** The changelog in which the memories are. */
    String memories() {
        return changelogs.get(0);
    }

    List<String> lanes() {
        return Lane.ALL.stream().map(topics::observations).toList();
    }

    /** All topics, the changelogs included. */
    List<String> names() {
        List<String> names = new ArrayList<>(lanes());
        names.addAll(List.of(topics.rejected(), topics.sessions(), topics.backpressure()));
        names.addAll(changelogs);
        return names;
    }

    /** What lanes take that are created, if the broker allows that; else it is {@link #maxMessageBytes}. */
    int largestLaneBytes() {
        return compressionType.equals(UNCOMPRESSED) ? Math.max(UNPACKED_LANE_BYTES, maxMessageBytes) : maxMessageBytes;
    }

    /**
     * All topics as they are created; the changelogs as Kafka Streams would ask for it.
     *
     * @param laneBytes that a lane takes at most
     */
    List<NewTopic> wanted(int laneBytes) {
        String max = Integer.toString(maxMessageBytes);
        List<NewTopic> wanted = new ArrayList<>();
        for (String lane : lanes()) {
            wanted.add(topic(
                    lane,
                    Map.of(
                            TopicConfig.CLEANUP_POLICY_CONFIG,
                            TopicConfig.CLEANUP_POLICY_DELETE,
                            TopicConfig.RETENTION_MS_CONFIG,
                            DAYS_7,
                            TopicConfig.COMPRESSION_TYPE_CONFIG,
                            compressionType,
                            TopicConfig.MAX_MESSAGE_BYTES_CONFIG,
                            Integer.toString(laneBytes))));
        }
        wanted.add(topic(
                topics.rejected(),
                Map.of(
                        TopicConfig.CLEANUP_POLICY_CONFIG,
                        TopicConfig.CLEANUP_POLICY_DELETE,
                        TopicConfig.RETENTION_MS_CONFIG,
                        Long.toString(rejectedRetentionMs),
                        TopicConfig.MAX_MESSAGE_BYTES_CONFIG,
                        max)));
        Map<String, String> compacted = Map.of(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_COMPACT);
        wanted.add(topic(topics.sessions(), compacted));
        wanted.add(topic(topics.backpressure(), compacted));
        Map<String, String> ofChangelog = new HashMap<>(changelogSettings);
        ofChangelog.putAll(compacted);
        changelogs.forEach(changelog -> wanted.add(topic(changelog, ofChangelog)));
        return wanted;
    }

    private NewTopic topic(String name, Map<String, String> settings) {
        Optional<Short> replicas = replicationFactor < 1 ? Optional.empty() : Optional.of(replicationFactor);
        Map<String, String> all = new HashMap<>(settings);
        // The broker's clock decides about urgency and about what is old, not that of a client or of an instance.
        all.put(TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, BROKER_TIME);
        return new NewTopic(name, Optional.of(partitions), replicas).configs(all);
    }
}
