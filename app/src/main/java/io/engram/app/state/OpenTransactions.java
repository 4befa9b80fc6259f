package io.engram.app.state;

import io.engram.app.errors.StartupException;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/** Waits for the transactions of instances that ended in the middle of one: the brokers abort them after a while. */
final class OpenTransactions {
    private static final long LIMIT_NANOS = TimeUnit.MINUTES.toNanos(2);
    private static final long PAUSE_MS = 500;
    private static final long ANSWER_SECONDS = 20;

    private final Admin admin;

    OpenTransactions(Admin admin) {
        this.admin = admin;
    }

    /**
     * Returns when all that the partition holds is committed or aborted.
     *
     * @throws StartupException when it is not after two minutes
     */
    void awaitEnd(TopicPartition partition) throws InterruptedException, ExecutionException, TimeoutException {
        long startNanos = System.nanoTime();
        while (end(partition, IsolationLevel.READ_COMMITTED) < end(partition, IsolationLevel.READ_UNCOMMITTED)) {
            if (System.nanoTime() - startNanos > LIMIT_NANOS) {
                throw new StartupException("a transaction on " + partition
                        + " is still open: something writes there, or transaction.timeout.ms is longer than two minutes."
                        + " Nothing was written; run it again once the transaction has ended");
            }
            Thread.sleep(PAUSE_MS);
        }
    }

    private long end(TopicPartition partition, IsolationLevel isolation)
            throws InterruptedException, ExecutionException, TimeoutException {
        return admin.listOffsets(Map.of(partition, OffsetSpec.latest()), new ListOffsetsOptions(isolation))
                .partitionResult(partition)
                .get(ANSWER_SECONDS, TimeUnit.SECONDS)
                .offset();
    }
}
