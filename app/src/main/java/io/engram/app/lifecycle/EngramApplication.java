package io.engram.app.lifecycle;

import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.http.ApiServer;
import io.engram.app.http.MetricsServer;
import io.engram.app.http.Probes;
import io.engram.app.kafka.ClientThreads;
import io.engram.app.kafka.NativeCodecs;
import io.engram.app.kafka.TopicPlan;
import io.engram.app.kafka.TopicProblem;
import io.engram.app.kafka.TopicWatch;
import io.engram.app.query.BackpressureWatch;
import io.engram.app.query.Cluster;
import io.engram.app.query.Gateway;
import io.engram.app.query.LocalStores;
import io.engram.app.query.RecallService;
import io.engram.app.query.StandbyLags;
import io.engram.app.redelivery.Redelivery;
import io.engram.app.state.ChangelogWatch;
import io.engram.app.state.ClusterWatch;
import io.engram.app.state.StateGuard;
import io.engram.app.state.StateVerifier;
import io.engram.index.IndexEngine;
import io.engram.topology.EngramTopology;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.GuardedRegistry;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.supervision.Supervisor;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.errors.StreamsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One instance: streams, index workers, HTTP and metrics. HTTP is up before the broker is reached, so that probes have
 * someone to talk to.
 *
 * <p>Stopping goes the other way round: unready, drain HTTP, leave the group and close the streams, then the clients.
 */
public final class EngramApplication implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EngramApplication.class);
    private static final long READY_POLL_MS = 50;
    private static final long STANDBY_LAG_MS = 500;
    private static final long DESCRIBE_TIMEOUT_MS = 60_000;
    private static final long TOPIC_WATCH_MS = 5_000;
    private static final long CLUSTER_ID_MS = 2_000;
    private static final Duration KEEP_LIMIT = Duration.ofSeconds(60);
    private static final long STATE_DISK_MS = 1_000;
    private static final long DEFAULT_DELETE_RETENTION_MS = TimeUnit.DAYS.toMillis(1);
    private static final String GROUP_INSTANCE_ID = "group.instance.id";

    private final EngramConfig config;
    // Last opened, first closed; start and close may run in different threads.
    private final Deque<AutoCloseable> toClose = new ConcurrentLinkedDeque<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Admin admin;
    private final KafkaStreams streams;
    private final TopologyRuntime runtime;
    private final LocalStores stores;
    private final StateGuard guard;
    private final BackpressureWatch backpressure;
    private final TopicPlan topicPlan;
    private final TopicWatch topicWatch;
    private final StateDisk disk;
    private final DiskHold diskHold;
    private final ApiServer api;
    private final Readiness readiness;
    private final WarmUp warmUp;
    private final Supervisor supervisor = new Supervisor();
    private final MetricsServer metricsServer;
    private final Object halting = new Object();
    private final StreamsClients clients = new StreamsClients();
    private volatile boolean stopping;
    private volatile boolean failed;

    /**
     * Makes an instance and opens its ports; {@link #start} does the rest.
     *
     * @throws StartupException when a port is in use or the state directory is not writable
     */
    public EngramApplication(EngramConfig config) {
        this(config, config::engine);
    }

    /**
     * As {@link #EngramApplication(EngramConfig)}, with an engine of the caller's.
     *
     * @param engine made with the executor of background work
     */
    public EngramApplication(EngramConfig config, Function<Executor, IndexEngine> engine) {
        this.config = config;
        disk = new StateDisk(config.stateDir());
        diskHold = new DiskHold(disk::trouble, disk::room, System::nanoTime);
        disk.requireWritable();
        loadCodecs();
        BrokerConnection.awaitResolvable(config);
        try {
            PrometheusRegistry registry = new GuardedRegistry();
            EngramMetrics metrics = new EngramMetrics(registry, config.maxMetricSpaces());
            runtime = owned(new TopologyRuntime(
                    config.topology(),
                    engine.apply(compactor()),
                    metrics,
                    System::currentTimeMillis,
                    new BrokerClock(System::nanoTime),
                    supervisor));
            RocksDbBudget rocksDb =
                    owned(new RocksDbBudget(config.rocksBlockCacheBytes(), config.rocksWriteBufferBytes()));
            admin = Admin.create(config.kafka());
            toClose.push(() -> admin.close(Duration.ofSeconds(5)));
            ClientThreads.watch(supervisor, admin).ifPresent(thread -> toClose.push(thread::expectEnd));
            guard = new StateGuard(
                    config.stateDir(),
                    config.applicationId(),
                    config.snapshotDir(),
                    System::currentTimeMillis,
                    EngramApplication::haltAtOnce);
            Properties settings = StreamsSettings.of(config, runtime, rocksDb, guard);
            topicPlan = TopicPlan.of(config, StreamsSettings.clientLimits(config, settings));
            Map<String, Object> consumer = config.plainConsumer();
            topicWatch = owned(new TopicWatch(
                    admin, topicPlan, config.applicationId(), consumer, runtime, supervisor, this::lanesMadeAgain));
            streams = newStreams(config, runtime, settings, clients);
            toClose.push(this::closeStreams);
            streams.setStateListener(this::stateChanged);
            stores = new LocalStores(streams, config.topics(), config.partitions(), runtime.stores(), diskHold::reason);
            backpressure = owned(new BackpressureWatch(consumer, config.topics().backpressure(), supervisor));
            Gateway gateway = owned(new Gateway(config, stores, runtime, backpressure));
            RecallService recall = new RecallService(stores);
            Cluster cluster = new Cluster(streams, stores, config.advertisedAddress(), System::nanoTime);
            readiness = new Readiness(streams, stores, cluster, disk);
            streams.setUncaughtExceptionHandler(new ThreadReplacement(
                    config.maxThreadReplacements(), System::nanoTime, diskHold, readiness::threadDied));
            StateVerifier verifier =
                    new StateVerifier(stores, consumer, config::changelogTopic, runtime.loader()::checkFiles);
            metricsServer = owned(new MetricsServer(config, registry, streams, this::fatal));
            api = owned(new ApiServer(config, recall, gateway, stores, cluster, verifier, runtime, probes()));
            warmUp = owned(new WarmUp(config, streams, () -> engine.apply(Runnable::run), this::fatal));
            metrics.instance().partitions(stores::countByRole, config::partitions);
            metrics.instance().standbyLags(stores::lagOfStandbys);
            metrics.instance().ready(this::isReady);
            metrics.instance().clockSkew(runtime.brokerClock()::skewMs);
            metrics.instance().topicProblems(topicWatch::counts);
            metrics.instance().threads(supervisor::expected, supervisor::alive);
            metrics.instance()
                    .stateDir(
                            () -> disk.room().map(StateDisk.Room::freeBytes),
                            () -> disk.room().map(StateDisk.Room::sizeBytes),
                            diskHold::held);
            metrics.instance().version(version());
            toClose.push(this::drain);
        } catch (RuntimeException | Error e) {
            closeAll();
            throw e;
        }
    }

    /** As packaged, or {@code (not packaged)}. */
    public static String version() {
        return Optional.ofNullable(EngramApplication.class.getPackage().getImplementationVersion())
                .orElse("(not packaged)");
    }

    /** Before any stream thread acts on what it has just been told: an orderly end would give it the time. */
    private static void haltAtOnce() {
        Runtime.getRuntime().halt(1);
    }

    /** What state.dir holds may be all that is left of the memories: it stays as it is, with what was only in memory. */
    private void changelogLost(String changelog, String what) {
        synchronized (halting) { // who comes second waits for the end of the process
            haltAndKeep(changelog, what);
        }
    }

    private void haltAndKeep(String changelog, String what) {
        try {
            // Another cluster has no changelog either; then the state is not to be touched at all.
            guard.met(admin.describeCluster().clusterId().get(CLUSTER_ID_MS, TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.debug("Could not ask for the cluster's id", e);
        }
        LOG.error(
                "The changelog {} {}: stopping at once, so that state.dir {} keeps what it held. Start no instance with an"
                        + " empty state.dir, delete nothing, and go on at EngramTopicsChanged in the runbook",
                changelog,
                what,
                config.stateDir());
        guard.keep();
        try {
            Set<Integer> left = runtime.stores().writeDownAndSeal(KEEP_LIMIT);
            if (left.isEmpty()) {
                LOG.info("All that was committed is in state.dir now; what was not is still in the lanes");
            } else {
                LOG.error("The newest memories of partitions {} could not be written to state.dir in time", left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            haltAtOnce();
        }
    }

    /**
     * A Kafka producer goes on for ever to commit offsets of a topic that is gone (4.4.0: it takes the topic's id once, and
     * tries again with that), and lets nothing else through, not even an abort. A new one takes the new id.
     */
    private void lanesMadeAgain(Set<String> lanes) {
        LOG.warn("Deleted and made again: {}. The stream threads end, and others go on with what is there now", lanes);
        clients.renewProducers();
    }

    private static KafkaStreams newStreams(
            EngramConfig config, TopologyRuntime runtime, Properties settings, StreamsClients clients) {
        try {
            return new KafkaStreams(EngramTopology.build(runtime), settings, clients);
        } catch (StreamsException e) {
            throw inUse(config, e);
        }
    }

    private static StartupException inUse(EngramConfig config, StreamsException e) {
        return new StartupException(
                "cannot start: " + e.getMessage() + " (does another instance use state.dir " + config.stateDir()
                        + "? Each needs its own)",
                e);
    }

    private <T extends AutoCloseable> T owned(T resource) {
        toClose.push(resource);
        if (stopping) {
            closeAll(); // made while everything was being closed
            throw new StartupException("stopped while starting");
        }
        return resource;
    }

    private Executor compactor() {
        ExecutorService compactor = Executors.newSingleThreadExecutor(task -> {
            Thread thread = new Thread(task, "engram-index-compactor");
            thread.setDaemon(true);
            return thread;
        });
        toClose.push(compactor::shutdownNow);
        return compactor;
    }

    private static void loadCodecs() {
        try {
            NativeCodecs.load();
        } catch (NativeCodecs.CodecException e) {
            throw new StartupException(e.getMessage(), e);
        }
    }

    /**
     * Waits for the broker, prepares the topics and starts processing; returns when the instance is ready for recall.
     *
     * @throws StartupException when it cannot become ready
     */
    public void start() throws InterruptedException {
        start(false, false);
    }

    /**
     * As {@link #start()}.
     *
     * @param acceptNewCluster true to put state of another Kafka cluster aside instead of refusing to start
     * @param acceptNewChangelog true to put state of a changelog that is gone aside instead of refusing to start
     */
    public void start(boolean acceptNewCluster, boolean acceptNewChangelog) throws InterruptedException {
        Map<String, String> changelogs = new ConcurrentHashMap<>();
        BrokerConnection.prepare(
                admin,
                config,
                topicPlan,
                runtime.writeLimits(),
                found -> guard.requireCluster(found, acceptNewCluster),
                found -> guard.requireChangelogs(found, acceptNewChangelog),
                ids -> {
                    guard.follows(ids);
                    changelogs.putAll(ids);
                },
                () -> !stopping);
        List<ChangelogWatch> watches = new ArrayList<>();
        changelogs.forEach((topic, id) -> watches.add(
                owned(new ChangelogWatch(admin, topic, id, supervisor, what -> changelogLost(topic, what)))));
        runtime.stores().beforeClose(() -> watches.forEach(ChangelogWatch::beforeClose));
        long brokerMs = owned(new BrokerTime(config, runtime)).start();
        if (guard.isStale(changelogDeleteRetentionMs(), brokerMs)) {
            streams.cleanUp();
        }
        owned(new ClusterWatch(admin, guard, runtime.brokerClock(), supervisor));
        owned(supervisor.every("engram-state-disk", 0, STATE_DISK_MS, this::lookAtDisk));
        topicWatch.start(TOPIC_WATCH_MS);
        backpressure.start();
        try {
            streams.start();
        } catch (IllegalStateException e) {
            throw new StartupException("stopped while starting", e);
        } catch (StreamsException e) {
            throw new StartupException(
                    "cannot start: " + e.getMessage() + "; does another instance use state.dir " + config.stateDir()
                            + "?",
                    e);
        }
        LagMonitor lag = owned(new LagMonitor(admin, streams, runtime, config.applicationId()));
        lag.start(config.lagIntervalMs());
        owned(new StandbyLags(stores, config.standbyMaxLag(), STANDBY_LAG_MS, supervisor));
        if (config.redeliveryEnabled()) {
            owned(new Redelivery(config, admin, runtime, backpressure));
        }
        while (!isReady()) {
            if (failed || stopping) {
                throw new StartupException(
                        failed ? "the streams failed while starting; see the log above" : "stopped while starting");
            }
            Thread.sleep(READY_POLL_MS);
        }
    }

    /** How long every changelog keeps deletions. */
    private long changelogDeleteRetentionMs() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (String topic : config.changelogTopics()) {
            least = Math.min(least, deleteRetentionMs(topic));
        }
        return least;
    }

    /** The broker's word, or its default before there is a changelog. */
    private long deleteRetentionMs(String topic) throws InterruptedException {
        ConfigResource changelog = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try {
            Config found = admin.describeConfigs(List.of(changelog))
                    .all()
                    .get(DESCRIBE_TIMEOUT_MS, TimeUnit.MILLISECONDS)
                    .get(changelog);
            return Long.parseLong(
                    found.get(TopicConfig.DELETE_RETENTION_MS_CONFIG).value());
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return DEFAULT_DELETE_RETENTION_MS; // there is no changelog yet
            }
            throw new StartupException(
                    "cannot describe " + topic + ": " + e.getCause().getMessage(), e);
        } catch (TimeoutException e) {
            throw new StartupException(
                    "cannot describe " + topic + ": the broker did not answer within " + DESCRIBE_TIMEOUT_MS
                            + " ms; start again when it does",
                    e);
        }
    }

    /** Whoever sends requests here has a moment to notice that this instance is not ready any more. */
    private void drain() throws InterruptedException {
        if (readiness.wasReached() && !failed) {
            Thread.sleep(config.shutdownDrainMs());
        }
    }

    private void stateChanged(KafkaStreams.State now, KafkaStreams.State before) {
        LOG.debug("Streams went from {} to {}", before, now);
        if (now == KafkaStreams.State.ERROR) {
            failed = true;
            ended.countDown();
        }
    }

    private Probes probes() {
        return new Probes(
                () -> failed ? Optional.of("the streams have failed") : supervisor.trouble(),
                this::isReady,
                this::notices);
    }

    /** What people should know who ask how the instance is. */
    private List<String> notices() {
        return Stream.concat(
                        topicWatch.problems().stream().map(TopicProblem::text),
                        diskHold.reason().or(disk::warning).stream())
                .toList();
    }

    private void lookAtDisk() {
        disk.measure();
        if (stopping) {
            return;
        }
        diskHold.look(() -> {
            readiness.startOver();
            return streams.addStreamThread().isPresent();
        });
    }

    private void fatal(Error error) {
        supervisor.report("a request", error);
    }

    /** False when the instance has failed for good, or some of its threads have. */
    public boolean isLive() {
        return !failed && supervisor.trouble().isEmpty();
    }

    /** True when the instance can answer recall: its tasks run, their indexes are complete, and it is warm. */
    public boolean isReady() {
        return !stopping
                && isLive()
                && !topicWatch.stopsProcessing()
                && diskHold.held() == 0
                && readiness.isReached()
                && warmUp.isOver();
    }

    /** {@code http://host:port} of the HTTP interface. */
    public String url() {
        return api.url();
    }

    /** {@code http://host:port/metrics}. */
    public String metricsUrl() {
        return metricsServer.url();
    }

    public TopologyRuntime runtime() {
        return runtime;
    }

    /** Waits until the instance fails or is closed; returns true when it failed. */
    public boolean awaitEnd() throws InterruptedException {
        ended.await();
        return failed;
    }

    @Override
    public synchronized void close() {
        if (stopping) {
            return;
        }
        stopping = true;
        LOG.info("Stopping");
        closeAll();
        ended.countDown();
    }

    private void closeAll() {
        for (AutoCloseable next = toClose.poll(); next != null; next = toClose.poll()) {
            try {
                next.close();
            } catch (Exception e) {
                LOG.warn("Could not close cleanly", e);
            }
        }
    }

    private void closeStreams() {
        // A static member comes back under its name soon; anyone else should not be waited for.
        boolean isStatic = config.consumer().containsKey(GROUP_INSTANCE_ID)
                || config.kafka().containsKey(GROUP_INSTANCE_ID);
        CloseOptions.GroupMembershipOperation membership = isStatic
                ? CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP
                : CloseOptions.GroupMembershipOperation.LEAVE_GROUP;
        boolean closed = streams.close(CloseOptions.groupMembershipOperation(membership)
                .withTimeout(Duration.ofMillis(config.shutdownTimeoutMs())));
        if (!closed) {
            LOG.warn("Streams did not stop within {} s", TimeUnit.MILLISECONDS.toSeconds(config.shutdownTimeoutMs()));
        }
    }
}
