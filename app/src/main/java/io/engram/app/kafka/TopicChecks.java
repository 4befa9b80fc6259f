package io.engram.app.kafka;

import io.engram.app.kafka.TopicSetup.TopicMismatchException;
import io.engram.schemas.Limits;
import io.engram.topology.rejection.WriteLimits;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import org.apache.kafka.common.config.TopicConfig;

/**
 * Whether the topics on the broker fit each other, the configuration, and what is written to them. Changes nothing, and
 * no message of it advises what would delete a memory or an observation.
 */
final class TopicChecks {
    /** The largest changelog record of a task is below this: a memory, the state of a session, or a set of offsets. */
    static final int CHANGELOG_BYTES = 512 << 10;

    /** The largest record of sessions or backpressure is below this. */
    static final int STATUS_BYTES = 64 << 10;

    /** What a valid observation can be at most, with headers and those of a rejection. */
    static final int LARGEST_OBSERVATION_BYTES =
            Limits.MAX_VALUE_BYTES + Limits.MAX_HEADER_BYTES + WriteLimits.MIN_REJECTION_BYTES;

    /** Of a lane; records wait there through a restart, or while somebody is called. */
    private static final long MIN_LANE_RETENTION_MS = 3_600_000;

    /** More than a few of the largest batches. */
    private static final long MIN_RETENTION_BYTES = 64 << 20;

    private static final String WAY_OUT =
            "; no memory is lost, see 'EngramTopicsChanged' in docs/operations/runbook.md";

    private final TopicPlan plan;
    private final Map<String, TopicState> found;

    TopicChecks(TopicPlan plan, Map<String, TopicState> found) {
        this.plan = plan;
        this.found = found;
    }

    private Optional<TopicState> topic(String name) {
        return Optional.ofNullable(found.get(name));
    }

    /**
     * Checks all that exists.
     *
     * @return what is not as it should be, but can be worked with
     * @throws TopicMismatchException when it cannot
     */
    List<String> check() {
        checkPartitions();
        return checkSettings();
    }

    /**
     * Checks the settings of all that exists.
     *
     * @return what is not as it should be, but can be worked with
     * @throws TopicMismatchException when it cannot
     */
    List<String> checkSettings() {
        checkCleanup();
        checkTimes();
        List<String> warnings = checkSizes();
        warnings.addAll(losing());
        topic(plan.topics().rejected()).flatMap(this::longerRetention).ifPresent(warnings::add);
        plan.lanes()
                .forEach(lane ->
                        topic(lane).flatMap(state -> packed(lane, state)).ifPresent(warnings::add));
        return warnings;
    }

    /** @throws TopicMismatchException when numbers of partitions do not fit */
    void checkPartitions() {
        Map<String, Integer> counts = new LinkedHashMap<>();
        plan.lanes().forEach(lane -> topic(lane).ifPresent(state -> counts.put(lane, state.partitions())));
        Optional<Integer> memories = topic(plan.memories()).map(TopicState::partitions);
        memories.ifPresent(partitions -> checkAgainstMemories(counts, partitions));
        if (Set.copyOf(counts.values()).size() > 1) {
            throw new TopicMismatchException("the lanes must have equal numbers of partitions, found " + counts
                    + ": a space's records on all lanes belong to one task. There are no memories yet: give the others as"
                    + " many as the largest has (kafka-topics --alter --topic … --partitions …)");
        }
        Optional<Integer> lanes = counts.values().stream().findFirst();
        int expected = memories.or(() -> lanes).orElse(plan.partitions());
        if (expected != plan.partitions()) {
            throw new TopicMismatchException("partitions=" + plan.partitions() + ", but "
                    + (lanes.isPresent()
                            ? "the lanes have " + expected
                            : "the memories are in " + expected + " (" + plan.memories() + ")")
                    + ": set partitions=" + expected
                    + " (with another number spaces would be looked for elsewhere, away from their memories)");
        }
        plan.changelogs().forEach(changelog -> checkChangelog(changelog, expected));
        topic(plan.topics().rejected())
                .filter(state -> state.partitions() != expected)
                .ifPresent(state -> {
                    throw new TopicMismatchException("topic " + plan.topics().rejected() + " has " + state.partitions()
                            + " partitions, but the lanes have " + expected
                            + ": redelivery needs as many, so that a space's records stay together. "
                            + (state.partitions() < expected
                                    ? addPartitions(plan.topics().rejected(), expected)
                                    : "Partitions cannot be taken away" + WAY_OUT));
                });
    }

    /** A task has the same partition of every changelog. */
    private void checkChangelog(String name, int expected) {
        topic(name).filter(state -> state.partitions() != expected).ifPresent(state -> {
            throw new TopicMismatchException("topic " + name + " has " + state.partitions()
                    + " partitions, but the memories are in " + expected + ". "
                    + (state.partitions() < expected
                            ? addPartitions(name, expected)
                            : "Partitions cannot be taken away" + WAY_OUT));
        });
    }

    private void checkAgainstMemories(Map<String, Integer> lanes, int memories) {
        lanes.forEach((lane, partitions) -> {
            String mismatch = "topic " + lane + " has " + partitions + " partitions, but the memories are in "
                    + memories + " (" + plan.memories() + "), which can never change";
            if (partitions < memories) {
                throw new TopicMismatchException(mismatch + ". " + addPartitions(lane, memories));
            }
            if (partitions > memories) {
                throw new TopicMismatchException(mismatch
                        + ". Partitions cannot be taken away, and clients send spaces to others now" + WAY_OUT);
            }
        });
    }

    private static String addPartitions(String topic, int partitions) {
        return "Add the missing ones: kafka-topics --alter --topic " + topic + " --partitions " + partitions;
    }

    private void checkCleanup() {
        List<String> kept = new ArrayList<>(plan.lanes());
        kept.add(plan.topics().rejected());
        for (String name : kept) {
            topic(name).filter(state -> state.isCleanedBy("compact")).ifPresent(state -> {
                throw new TopicMismatchException("topic " + name
                        + " is compacted, which would lose records of the same key; set cleanup.policy=delete: "
                        + alter(name, "cleanup.policy=delete"));
            });
        }
        for (String name : plan.changelogs()) {
            topic(name).filter(state -> state.isCleanedBy("delete")).ifPresent(state -> {
                throw new TopicMismatchException("topic " + name + " has cleanup.policy="
                        + state.setting(TopicConfig.CLEANUP_POLICY_CONFIG)
                        + ", which would lose memories or sessions after its retention; set cleanup.policy=compact: "
                        + alter(name, "cleanup.policy=compact"));
            });
        }
    }

    /**
     * By a client's time urgency could be bought and a change outrank all later ones; and a deadline, which lies ahead,
     * would be refused by a changelog that takes it for a time.
     */
    private void checkTimes() {
        for (String name : plan.names()) {
            topic(name)
                    .filter(state -> !state.setting(TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG)
                            .equals(TopicPlan.BROKER_TIME))
                    .ifPresent(state -> {
                        String setting = TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG + "=" + TopicPlan.BROKER_TIME;
                        throw new TopicMismatchException("topic " + name + " has "
                                + TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG
                                + "=" + state.setting(TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG)
                                + ", but its records must carry the broker's time; set " + setting
                                + ", nothing is lost by that: " + alter(name, setting));
                    });
        }
    }

    /** Settings by which the broker deletes what is still needed; can be worked with, until it does. */
    List<String> losing() {
        List<String> losing = new ArrayList<>();
        plan.lanes()
                .forEach(lane -> losing(
                                lane, MIN_LANE_RETENTION_MS, "what waits there is deleted before it is processed")
                        .ifPresent(losing::add));
        losing(
                        plan.topics().rejected(),
                        plan.rejectedRetentionMs(),
                        "what was shed is deleted before there is room for it again, and what was refused before anybody"
                                + " looked; or set rejected.retention.ms to what the topic has")
                .ifPresent(losing::add);
        for (String name : List.of(plan.topics().sessions(), plan.topics().backpressure())) {
            topic(name)
                    .filter(state -> state.isCleanedBy("delete"))
                    .ifPresent(state -> losing.add("topic " + name + " has " + TopicConfig.CLEANUP_POLICY_CONFIG + "="
                            + state.setting(TopicConfig.CLEANUP_POLICY_CONFIG)
                            + ", by which the latest word on a session or a lane is deleted while it holds; set it: "
                            + alter(name, "cleanup.policy=compact")));
        }
        return losing;
    }

    /** What of the topic's retention is below the least, by time or by size. */
    private Optional<String> losing(String name, long leastMs, String consequence) {
        return topic(name)
                .flatMap(state -> below(state, TopicConfig.RETENTION_MS_CONFIG, leastMs)
                        .or(() -> below(state, TopicConfig.RETENTION_BYTES_CONFIG, MIN_RETENTION_BYTES))
                        .map(setting -> "topic " + name + " has " + setting + "=" + state.setting(setting) + ": "
                                + consequence + "; " + alter(name, setting + "=-1")
                                + " keeps all, a larger number keeps more"));
    }

    /** The setting, if its value is below the least; a negative one has no limit. */
    private static Optional<String> below(TopicState state, String setting, long least) {
        String value = state.setting(setting);
        return value.isEmpty() || Long.parseLong(value) < 0 || Long.parseLong(value) >= least
                ? Optional.empty()
                : Optional.of(setting);
    }

    private Optional<String> longerRetention(TopicState rejected) {
        long retention = Long.parseLong(rejected.setting(TopicConfig.RETENTION_MS_CONFIG));
        return retention >= 0 && retention <= plan.rejectedRetentionMs()
                ? Optional.empty()
                : Optional.of("topic " + plan.topics().rejected() + " has " + TopicConfig.RETENTION_MS_CONFIG + "="
                        + retention + ", but rejected.retention.ms is " + plan.rejectedRetentionMs()
                        + ": records are kept for longer than their numbers stay open; set rejected.retention.ms to what the"
                        + " topic has");
    }

    /** What a client packed is unpacked whole by whoever reads it, before its size can be looked at. */
    private Optional<String> packed(String lane, TopicState state) {
        String setting = TopicConfig.COMPRESSION_TYPE_CONFIG + "=" + TopicPlan.UNCOMPRESSED;
        String found = state.setting(TopicConfig.COMPRESSION_TYPE_CONFIG);
        return !plan.compressionType().equals(TopicPlan.UNCOMPRESSED) || found.equals(TopicPlan.UNCOMPRESSED)
                ? Optional.empty()
                : Optional.of("topic " + lane + " has " + TopicConfig.COMPRESSION_TYPE_CONFIG + "=" + found
                        + ": one small record that unpacks to more than the heap ends every instance that reads it; set "
                        + setting + ", nothing is lost by that: " + alter(lane, setting)
                        + ". Where all producers are trusted, topics.compression.type=producer says so");
    }

    private List<String> checkSizes() {
        plan.changelogs().forEach(changelog -> require(changelog, CHANGELOG_BYTES));
        require(plan.topics().rejected(), WriteLimits.MIN_REJECTION_BYTES);
        require(plan.topics().sessions(), STATUS_BYTES);
        require(plan.topics().backpressure(), STATUS_BYTES);
        TopicPlan.ClientLimits clients = plan.clients();
        if (clients.streamsBytes() < CHANGELOG_BYTES) {
            throw new TopicMismatchException(
                    clients.streamsSetting() + " is " + clients.streamsBytes() + ", but a record of " + plan.memories()
                            + " can take " + CHANGELOG_BYTES + ": set it to at least that");
        }
        List<String> warnings = new ArrayList<>();
        BiConsumer<String, String> warn = (name, consequence) -> topic(name)
                .filter(state -> state.maxBytes() < LARGEST_OBSERVATION_BYTES)
                .ifPresent(state -> warnings.add("topic " + name + " has " + state.maxBytesSetting() + "="
                        + state.maxBytes() + ", but an observation can take " + LARGEST_OBSERVATION_BYTES + ": "
                        + consequence + "; "
                        + alter(name, state.maxBytesSetting() + "=" + plan.maxMessageBytes())));
        plan.lanes()
                .forEach(lane ->
                        warn.accept(lane, "larger ones are refused by the broker, or not shed when the lane is full"));
        warn.accept(
                plan.topics().rejected(),
                "rejections that are larger are cut short, and larger observations are not shed");
        for (String name : plan.names()) {
            topic(name).filter(state -> state.maxBytes() < clients.batchBytes()).ifPresent(state -> {
                warnings.add("topic " + name + " has " + state.maxBytesSetting() + "=" + state.maxBytes()
                        + ", but producer.batch.size is " + clients.batchBytes()
                        + ": larger batches are refused and sent again in parts; lower producer.batch.size");
            });
        }
        return warnings;
    }

    private void require(String name, int bytes) {
        topic(name).filter(state -> state.maxBytes() < bytes).ifPresent(state -> {
            throw new TopicMismatchException(
                    "topic " + name + " has " + state.maxBytesSetting() + "=" + state.maxBytes()
                            + ", but a record of it can take " + bytes + "; raise it, nothing is lost by that: "
                            + alter(name, state.maxBytesSetting() + "=" + Math.max(bytes, 1 << 20)));
        });
    }

    private static String alter(String topic, String setting) {
        return "kafka-configs --alter --entity-type topics --entity-name " + topic + " --add-config " + setting;
    }

    /** Tells tasks what topics and producers take. */
    void apply(WriteLimits limits) {
        int lanes = plan.lanes().stream()
                .flatMap(lane -> topic(lane).stream())
                .mapToInt(TopicState::maxBytes)
                .min()
                .orElse(plan.maxMessageBytes());
        int rejected = topic(plan.topics().rejected()).map(TopicState::maxBytes).orElse(plan.maxMessageBytes());
        limits.set(
                Math.min(rejected, plan.clients().streamsBytes()),
                Math.min(lanes, plan.clients().redeliveryBytes()));
    }
}
