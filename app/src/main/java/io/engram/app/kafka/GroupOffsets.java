package io.engram.app.kafka;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says at start when the group's offsets are gone although there are memories: the lanes are read from their beginning. */
public final class GroupOffsets {
    private static final Logger LOG = LoggerFactory.getLogger(GroupOffsets.class);

    private GroupOffsets() {}

    /**
     * Looks at the group, the lanes and the memories' changelog, all of which exist.
     *
     * @param group the application's id
     * @return partitions whose memories are there and whose offsets are not
     */
    public static List<Integer> lost(Admin admin, TopicPlan plan, String group)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
        List<String> topics = new ArrayList<>(plan.lanes());
        topics.add(plan.memories());
        for (String topic : topics) {
            for (int partition = 0; partition < plan.partitions(); partition++) {
                ends.put(new TopicPartition(topic, partition), OffsetSpec.latest());
            }
        }
        Map<TopicPartition, ListOffsetsResultInfo> found =
                admin.listOffsets(ends).all().get(TopicState.LIMIT_MS, TimeUnit.MILLISECONDS);
        Map<TopicPartition, OffsetAndMetadata> committed = committed(admin, group);
        List<Integer> lost = new ArrayList<>();
        for (int partition = 0; partition < plan.partitions(); partition++) {
            int at = partition;
            boolean memories =
                    found.get(new TopicPartition(plan.memories(), at)).offset() > 0;
            boolean records = plan.lanes().stream()
                    .anyMatch(lane -> found.get(new TopicPartition(lane, at)).offset() > 0);
            boolean offsets =
                    plan.lanes().stream().anyMatch(lane -> committed.get(new TopicPartition(lane, at)) != null);
            if (memories && records && !offsets) {
                lost.add(partition);
            }
        }
        if (!lost.isEmpty()) {
            LOG.error(
                    "The group {} has no offsets for partitions {} of the lanes, although there are memories: they are read"
                            + " from the beginning. What was processed before is recognised by its session while that is"
                            + " known, and without one by its memory; no memory is lost",
                    group,
                    lost);
        }
        return lost;
    }

    /** What the group committed; a partition without an offset is left out or null. */
    static Map<TopicPartition, OffsetAndMetadata> committed(Admin admin, String group)
            throws InterruptedException, ExecutionException, TimeoutException {
        return admin.listConsumerGroupOffsets(group)
                .partitionsToOffsetAndMetadata()
                .get(TopicState.LIMIT_MS, TimeUnit.MILLISECONDS);
    }
}
