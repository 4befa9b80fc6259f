package io.engram.app.assignment;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.function.ToLongFunction;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsState;
import org.apache.kafka.streams.processor.assignment.ProcessId;

/**
 * How many changelog records each client is behind each task that has state. Kafka Streams gives a copy that was active until
 * this rebalance a lag of its own below 0, and below that one for what it does not know; a lag that is not known is the largest
 * here. Immutable.
 */
final class Lags {
    /** What {@link KafkaStreamsState#lagFor} says of the active copy, which is at the end of its changelog. */
    static final long ACTIVE = -2;

    private final SortedMap<ProcessId, KafkaStreamsState> clients;
    private final long acceptable;

    /**
     * @param clients with lags
     * @param acceptable records, as {@code acceptable.recovery.lag}
     */
    Lags(SortedMap<ProcessId, KafkaStreamsState> clients, long acceptable) {
        this.clients = clients;
        this.acceptable = acceptable;
    }

    /** True when no end of a changelog could be read, so that nobody but the active copies is known to have anything. */
    boolean areUnknown() {
        boolean anyUnknown = false;
        for (KafkaStreamsState client : clients.values()) {
            Map<TaskId, Long> lags = client.statefulTasksToLagSums();
            if (lags.values().stream().anyMatch(lag -> lag >= 0)) {
                return false;
            }
            anyUnknown |= lags.values().stream().anyMatch(lag -> lag < ACTIVE);
        }
        return anyUnknown;
    }

    /** Records, {@link #ACTIVE}, or {@link Long#MAX_VALUE} when it is not known. */
    long of(TaskId task, ProcessId client) {
        long lag = clients.get(client).lagFor(task);
        return lag < ACTIVE ? Long.MAX_VALUE : lag;
    }

    boolean isCaughtUp(TaskId task, ProcessId client) {
        return of(task, client) <= acceptable;
    }

    /** True when the client is not caught up and another one has less to restore. */
    boolean isBehindAnother(TaskId task, ProcessId client) {
        return !isCaughtUp(task, client) && of(task, nearest(task)) < of(task, client);
    }

    /** The client that is the least behind; of several the one with the lowest id. */
    ProcessId nearest(TaskId task) {
        return clients.keySet().stream().min(order(task)).orElseThrow();
    }

    /** Those before a client in the order of their lags, the nearest first. */
    List<ProcessId> nearerThan(TaskId task, ProcessId client) {
        return clients.keySet().stream()
                .sorted(order(task))
                .takeWhile(other -> !other.equals(client))
                .toList();
    }

    private Comparator<ProcessId> order(TaskId task) {
        ToLongFunction<ProcessId> lag = client -> of(task, client);
        return Comparator.comparingLong(lag).thenComparing(Comparator.naturalOrder());
    }
}
