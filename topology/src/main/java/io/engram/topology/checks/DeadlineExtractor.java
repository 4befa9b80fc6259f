package io.engram.topology.checks;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.TimestampExtractor;

/**
 * Turns a record's enqueue time into its deadline: enqueue time + the lane's slack. A Streams task takes the record with
 * the earliest timestamp among its partitions next, so this is earliest-deadline-first scheduling between the lanes, and
 * the slack is also the bound on how long a lane can be starved.
 */
public final class DeadlineExtractor implements TimestampExtractor {
    /** The broker refuses changelog timestamps more than an hour ahead; this leaves room for clocks that differ. */
    public static final long MAX_SLACK_MS = 50 * 60_000;

    private final long slackMs;

    /**
     * @param slackMs 0 to {@value #MAX_SLACK_MS}
     */
    public DeadlineExtractor(long slackMs) {
        if (slackMs < 0 || slackMs > MAX_SLACK_MS) {
            throw new IllegalArgumentException("slackMs not in 0.." + MAX_SLACK_MS + ": " + slackMs);
        }
        this.slackMs = slackMs;
    }

    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
        return record.timestamp() + slackMs;
    }
}
