package io.engram.topology;

import io.engram.index.IndexEngine;
import io.engram.schemas.Lane;
import io.engram.topology.admission.BackpressureBoard;
import io.engram.topology.admission.DrainRate;
import io.engram.topology.admission.IndexMemory;
import io.engram.topology.admission.LaneDepths;
import io.engram.topology.follow.IndexLoader;
import io.engram.topology.follow.Snapshots;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.progress.ActiveSessions;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.progress.ProcessedLanes;
import io.engram.topology.progress.ReadAgain;
import io.engram.topology.rejection.RecentRejections;
import io.engram.topology.rejection.Refusals;
import io.engram.topology.rejection.WriteLimits;
import io.engram.topology.store.Flushes;
import io.engram.topology.store.OpenStores;
import io.engram.topology.supervision.Supervisor;
import io.engram.topology.workers.IndexWorkers;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * What all tasks of a process share: index workers, lane depths, levels, metrics. Made before the topology, closed after
 * the streams. Thread-safe.
 */
public final class TopologyRuntime implements AutoCloseable {
    private final TopologyConfig config;
    private final EngramMetrics metrics;
    private final IndexEngine engine;
    private final LongSupplier clock;
    private final BrokerClock brokerClock;
    private final LaneDepths depths = new LaneDepths();
    private final Map<Lane, DrainRate> rates = new EnumMap<>(Lane.class);
    private final ProcessedLanes lanes = new ProcessedLanes();
    private final BackpressureBoard board = new BackpressureBoard();
    private final ActiveSessions activeSessions;
    private final RecentRejections rejections = new RecentRejections();
    private final ReadAgain readAgain;
    private final WriteLimits writeLimits = new WriteLimits();
    private final Refusals refusals = new Refusals();
    private final IndexMemory indexMemory;
    private final Snapshots snapshots;
    private final IndexLoader loader;
    private final Flushes flushes = new Flushes();
    private final OpenStores stores = new OpenStores();
    private final IndexWorkers workers;
    private final Supervisor supervisor;

    /**
     * Starts the index workers.
     *
     * @param engine of all indexes; owned by the caller
     * @param clock epoch milliseconds, for people and for how long something takes
     * @param brokerClock what decides about deletion
     * @param supervisor of the threads
     */
    public TopologyRuntime(
            TopologyConfig config,
            IndexEngine engine,
            EngramMetrics metrics,
            LongSupplier clock,
            BrokerClock brokerClock,
            Supervisor supervisor) {
        this.supervisor = supervisor;
        this.config = config;
        this.metrics = metrics;
        this.engine = engine;
        this.clock = clock;
        this.brokerClock = brokerClock;
        Lane.ALL.forEach(lane -> rates.put(lane, new DrainRate()));
        this.readAgain = new ReadAgain(clock);
        this.activeSessions = new ActiveSessions(config.sessions().idleMs());
        this.workers = new IndexWorkers(config.indexing(), metrics, board::worstLevel, this::capacityHere, supervisor);
        this.snapshots = new Snapshots(
                config.snapshots(), config.indexing().maxMemoryBytes(), metrics.snapshots(), clock, supervisor);
        this.loader = new IndexLoader(snapshots, supervisor);
        this.indexMemory =
                new IndexMemory(workers::indexMemoryBytes, config.indexing().maxMemoryBytes());
        metrics.indexMemory(indexMemory::used, indexMemory::limit);
        metrics.queueDepth(depths::depth);
        metrics.laneBlocked(depths::blocked);
        metrics.laneStalledMs(depths::stalledMs);
        metrics.queueCapacity(config.admission()::capacity);
        metrics.activeSessions(activeSessions::count);
    }

    /** Records that all lanes may hold on this instance. */
    private long capacityHere() {
        long capacity = 0;
        for (Lane lane : Lane.ALL) {
            capacity += config.admission().capacity(lane)
                    * Math.max(1, depths.assignedPartitions(lane))
                    / config.partitions();
        }
        return capacity;
    }

    public TopologyConfig config() {
        return config;
    }

    public EngramMetrics metrics() {
        return metrics;
    }

    public IndexEngine engine() {
        return engine;
    }

    /** What decides about deletion. */
    public BrokerClock brokerClock() {
        return brokerClock;
    }

    /** This machine's time, epoch milliseconds: for people, and for how long something takes. */
    public LongSupplier clock() {
        return clock;
    }

    /** How deep the lanes are here; whoever looks at the broker reports end offsets to it. */
    public LaneDepths depths() {
        return depths;
    }

    public Map<Lane, DrainRate> rates() {
        return rates;
    }

    /** The lanes and partitions processed here; whoever reads them reports how far it has read. */
    public ProcessedLanes lanes() {
        return lanes;
    }

    /** Levels of the lanes and partitions processed here. */
    public BackpressureBoard board() {
        return board;
    }

    /** How many sessions sent something lately. */
    public ActiveSessions activeSessions() {
        return activeSessions;
    }

    public RecentRejections rejections() {
        return rejections;
    }

    /** Partitions that are read from before what was processed. */
    public ReadAgain readAgain() {
        return readAgain;
    }

    /** How large rejections may be. */
    public WriteLimits writeLimits() {
        return writeLimits;
    }

    /** What was not accepted here lately, by space and reason. */
    public Refusals refusals() {
        return refusals;
    }

    public IndexLoader loader() {
        return loader;
    }

    /** Hears what RocksDB has written to its files. */
    public Flushes flushes() {
        return flushes;
    }

    /** The partitions that are open here. */
    public OpenStores stores() {
        return stores;
    }

    /** What the indexes of this process take. */
    public IndexMemory indexMemory() {
        return indexMemory;
    }

    public Snapshots snapshots() {
        return snapshots;
    }

    public IndexWorkers workers() {
        return workers;
    }

    /** Of the long-lived threads of this process. */
    public Supervisor supervisor() {
        return supervisor;
    }

    @Override
    public void close() {
        loader.close();
        snapshots.close();
        workers.close();
    }
}
