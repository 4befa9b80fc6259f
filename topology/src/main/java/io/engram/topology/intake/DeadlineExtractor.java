package io.engram.topology.intake;

import io.engram.topology.progress.BrokerClock;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.streams.processor.TimestampExtractor;

/**
 * Turns a record's enqueue time into its deadline: enqueue time + the lane's slack. A Streams task takes the record with
 * the earliest timestamp among its partitions next, so this is earliest-deadline-first scheduling between the lanes, and
 * the slack is also the bound on how long a lane can be starved.
 *
 * <p>Whatever time a record claims, the deadline is not negative: Streams would drop such a record without a word.
 */
public final class DeadlineExtractor implements TimestampExtractor {
    /** More would starve a lane for longer than anybody watches it. */
    public static final long MAX_SLACK_MS = 50 * 60_000;

    private final long slackMs;
    private final BrokerClock brokerClock;

    /**
     * @param slackMs 0 to {@value #MAX_SLACK_MS}
     * @param brokerClock is told the append times that brokers gave
     */
    public DeadlineExtractor(long slackMs, BrokerClock brokerClock) {
        if (slackMs < 0 || slackMs > MAX_SLACK_MS) {
            throw new IllegalArgumentException("slackMs not in 0.." + MAX_SLACK_MS + ": " + slackMs);
        }
        this.slackMs = slackMs;
        this.brokerClock = brokerClock;
    }

    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
        if (record.timestampType() == TimestampType.LOG_APPEND_TIME) {
            brokerClock.appended(record.timestamp());
        }
        return Math.min(Math.max(0, record.timestamp()), Long.MAX_VALUE - slackMs) + slackMs;
    }
}
