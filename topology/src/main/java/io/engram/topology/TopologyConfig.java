package io.engram.topology;

import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.admission.AdmissionConfig;
import io.engram.topology.follow.SnapshotConfig;
import io.engram.topology.store.RetentionConfig;
import io.engram.topology.tick.SessionConfig;
import io.engram.topology.workers.IndexingConfig;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.config.TopicConfig;

/**
 * What the topology needs to know.
 *
 * @param topics names of the topics
 * @param partitions of each lane, 1 or more
 * @param slackMs by lane: how long a record may wait for more urgent ones; also the bound on starvation, milliseconds
 * @param admission when to shed
 * @param sessions how long sessions live
 * @param indexing how index workers work
 * @param retention what spaces keep unless they say otherwise
 * @param snapshots where and when indexes are saved
 * @param tickMs pause between looks at depth, levels and acknowledgements, milliseconds, 1 or more
 * @param statusIntervalMs pause between repeated records of backpressure while not normal, milliseconds
 * @param changelogConfig topic settings of the stores' changelogs
 */
public record TopologyConfig(
        Topics topics,
        int partitions,
        Map<Lane, Long> slackMs,
        AdmissionConfig admission,
        SessionConfig sessions,
        IndexingConfig indexing,
        RetentionConfig retention,
        SnapshotConfig snapshots,
        long tickMs,
        long statusIntervalMs,
        Map<String, String> changelogConfig) {

    public static final Map<Lane, Long> DEFAULT_SLACK_MS =
            Map.of(Lane.HIGH, 0L, Lane.NORMAL, 60_000L, Lane.LOW, 600_000L);

    public TopologyConfig {
        slackMs = Map.copyOf(slackMs);
        changelogConfig = inBrokerTime(changelogConfig);
        if (partitions < 1) {
            throw new IllegalArgumentException("partitions < 1: " + partitions);
        }
        if (tickMs < 1) {
            throw new IllegalArgumentException("tickMs < 1: " + tickMs);
        }
    }

    /** A record's deadline lies ahead: a changelog that took it for a time would refuse it on brokers that allow no future. */
    private static Map<String, String> inBrokerTime(Map<String, String> settings) {
        Map<String, String> all = new HashMap<>(settings);
        all.put(TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime");
        return Map.copyOf(all);
    }

    /** The defaults, for that many partitions. */
    public static TopologyConfig of(Topics topics, int partitions) {
        return new TopologyConfig(
                topics,
                partitions,
                DEFAULT_SLACK_MS,
                AdmissionConfig.DEFAULT,
                SessionConfig.DEFAULT,
                IndexingConfig.DEFAULT,
                RetentionConfig.NONE,
                SnapshotConfig.NONE,
                100,
                5_000,
                Map.of());
    }

    public TopologyConfig withAdmission(AdmissionConfig changed) {
        return new TopologyConfig(
                topics,
                partitions,
                slackMs,
                changed,
                sessions,
                indexing,
                retention,
                snapshots,
                tickMs,
                statusIntervalMs,
                changelogConfig);
    }

    public TopologyConfig withIndexing(IndexingConfig changed) {
        return new TopologyConfig(
                topics,
                partitions,
                slackMs,
                admission,
                sessions,
                changed,
                retention,
                snapshots,
                tickMs,
                statusIntervalMs,
                changelogConfig);
    }

    public TopologyConfig withSessions(SessionConfig changed) {
        return new TopologyConfig(
                topics,
                partitions,
                slackMs,
                admission,
                changed,
                indexing,
                retention,
                snapshots,
                tickMs,
                statusIntervalMs,
                changelogConfig);
    }

    public TopologyConfig withSnapshots(SnapshotConfig changed) {
        return new TopologyConfig(
                topics,
                partitions,
                slackMs,
                admission,
                sessions,
                indexing,
                retention,
                changed,
                tickMs,
                statusIntervalMs,
                changelogConfig);
    }

    public TopologyConfig withRetention(RetentionConfig changed) {
        return new TopologyConfig(
                topics,
                partitions,
                slackMs,
                admission,
                sessions,
                indexing,
                changed,
                snapshots,
                tickMs,
                statusIntervalMs,
                changelogConfig);
    }
}
