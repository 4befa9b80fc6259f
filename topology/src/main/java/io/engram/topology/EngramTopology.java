package io.engram.topology;

import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.apply.ObservationProcessor;
import io.engram.topology.intake.DeadlineExtractor;
import io.engram.topology.store.MemoryStoreBuilder;
import io.engram.topology.store.SessionStoreSupplier;
import java.util.List;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;

/**
 * The topology: one sub-topology, so that a task owns a partition of all three lanes and of both stores.
 *
 * <pre>
 * engram-observations-high ───┐                        ┌→ engram-rejected
 * engram-observations-normal ─┼→ observations ─────────┼→ engram-sessions
 * engram-observations-low ────┘      ↕                 └→ engram-backpressure
 *                              memory (RocksDB, changelog, index)
 *                              sessions (RocksDB, changelog, cache)
 * </pre>
 */
public final class EngramTopology {
    public static final String PROCESSOR = "observations";
    /** The store of the memories. */
    public static final String STORE = "memory";
    /** The store of the sessions. */
    public static final String SESSIONS = "sessions";
    /** All stores of a task. */
    public static final List<String> STORES = List.of(STORE, SESSIONS);

    public static final String REJECTED_SINK = "rejected";
    public static final String SESSIONS_SINK = "sessions";
    public static final String BACKPRESSURE_SINK = "backpressure";

    private EngramTopology() {}

    /** The topology over that runtime. */
    public static Topology build(TopologyRuntime runtime) {
        TopologyConfig config = runtime.config();
        Topics topics = config.topics();
        Topology topology = new Topology();
        String[] sources = Lane.ALL.stream().map(Lane::label).toArray(String[]::new);
        for (Lane lane : Lane.ALL) {
            topology.addSource(
                    AutoOffsetReset.earliest(),
                    lane.label(),
                    new DeadlineExtractor(config.slackMs().get(lane), runtime.brokerClock()),
                    new ByteArrayDeserializer(),
                    new ByteArrayDeserializer(),
                    topics.observations(lane));
        }
        topology.addProcessor(PROCESSOR, () -> new ObservationProcessor(runtime), sources);
        topology.addStateStore(
                new MemoryStoreBuilder(
                        STORE,
                        config.changelogConfig(),
                        runtime.workers(),
                        runtime.engine(),
                        runtime.metrics(),
                        runtime.loader(),
                        runtime.flushes(),
                        config.snapshots(),
                        runtime.stores(),
                        config.retention(),
                        runtime.clock(),
                        runtime.brokerClock(),
                        config.indexing().scanThreshold()),
                PROCESSOR);
        topology.addStateStore(
                SessionStoreSupplier.builder(SESSIONS, config.changelogConfig(), runtime.stores()), PROCESSOR);
        addSink(topology, REJECTED_SINK, topics.rejected());
        addSink(topology, SESSIONS_SINK, topics.sessions());
        addSink(topology, BACKPRESSURE_SINK, topics.backpressure());
        return topology;
    }

    private static void addSink(Topology topology, String name, String topic) {
        topology.addSink(name, topic, new ByteArraySerializer(), new ByteArraySerializer(), PROCESSOR);
    }
}
