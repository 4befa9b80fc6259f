package io.engram.app.lifecycle;

import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.kafka.ChangelogTopic;
import io.engram.app.kafka.GroupOffsets;
import io.engram.app.kafka.TopicPlan;
import io.engram.app.kafka.TopicSetup;
import io.engram.topology.rejection.WriteLimits;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Waits for the broker and prepares the topics. */
final class BrokerConnection {
    private static final Logger LOG = LoggerFactory.getLogger(BrokerConnection.class);
    private static final long ATTEMPT_MS = 3_000;
    private static final long PROPAGATION_MS = 50;
    private static final long PAUSE_MS = 500;

    private BrokerConnection() {}

    /** Returns when a broker's name can be resolved: in a cluster it may appear after this instance. */
    static void awaitResolvable(EngramConfig config) {
        while (config.brokers().stream().noneMatch(BrokerConnection::isResolvable)) {
            waiting(config, "its name cannot be resolved");
            pause();
        }
    }

    private static boolean isResolvable(InetSocketAddress broker) {
        return !new InetSocketAddress(broker.getHostString(), broker.getPort()).isUnresolved();
    }

    private static void pause() {
        try {
            Thread.sleep(ATTEMPT_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StartupException("interrupted while waiting for the broker");
        }
    }

    /**
     * Returns when the broker answers and all topics are there.
     *
     * @param plan the topics as they should be
     * @param limits are told what the topics take
     * @param clusterCheck is told the cluster's id before anything is created there
     * @param changelogCheck is told of the changelogs before anything is created
     * @param changelogsReady is told their ids, by their names, when they are there, before any task is
     * @param goOn false ends the wait
     * @throws StartupException when the topics do not fit, or the wait was ended
     */
    static void prepare(
            Admin admin,
            EngramConfig config,
            TopicPlan plan,
            WriteLimits limits,
            Consumer<String> clusterCheck,
            Consumer<List<ChangelogTopic>> changelogCheck,
            Consumer<Map<String, String>> changelogsReady,
            BooleanSupplier goOn)
            throws InterruptedException {
        TopicSetup topics = new TopicSetup(admin, plan);
        while (goOn.getAsBoolean()) {
            try {
                String cluster = admin.describeCluster().clusterId().get(ATTEMPT_MS, TimeUnit.MILLISECONDS);
                clusterCheck.accept(cluster);
                changelogCheck.accept(ChangelogTopic.read(admin, plan, config.applicationId()));
                changelogsReady.accept(topics.ensure(limits));
                sayWhetherOffsetsAreLost(admin, plan, config);
                return;
            } catch (TimeoutException e) {
                waiting(config, "no answer in time");
            } catch (ExecutionException e) {
                if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                    Thread.sleep(PROPAGATION_MS); // just created; not every broker knows it yet
                    continue;
                }
                if (!(e.getCause() instanceof RetriableException)) {
                    throw new StartupException(
                            "cannot prepare the topics on " + config.bootstrapServers() + ": "
                                    + e.getCause().getMessage(),
                            e);
                }
                waiting(config, e.getCause().getMessage());
                Thread.sleep(PAUSE_MS);
            } catch (TopicSetup.TopicMismatchException e) {
                throw new StartupException(e.getMessage());
            }
        }
        throw new StartupException(
                "Waiting for Kafka at " + config.bootstrapServers() + " was ended: the instance was stopped first");
    }

    /** It is only said, so a partition without a leader does not keep the others from being served. */
    private static void sayWhetherOffsetsAreLost(Admin admin, TopicPlan plan, EngramConfig config)
            throws InterruptedException {
        try {
            GroupOffsets.lost(admin, plan, config.applicationId());
        } catch (ExecutionException | TimeoutException e) {
            LOG.warn("Could not compare the group's offsets with the lanes: {}", e.toString());
        }
    }

    private static void waiting(EngramConfig config, String reason) {
        LOG.warn(
                "Waiting for Kafka at {} ({}). Is the broker running? Set kafka.bootstrap.servers, or try --embedded-kafka",
                config.bootstrapServers(),
                reason);
    }
}
