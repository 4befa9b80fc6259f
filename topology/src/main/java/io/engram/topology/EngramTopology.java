package io.engram.topology;

import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import io.engram.topology.checks.DeadlineExtractor;
import io.engram.topology.checks.ObservationProcessor;
import io.engram.topology.store.MemoryStoreBuilder;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;

/**
 * The topology: one sub-topology, so that a task owns a partition of all three lanes and one store.
 *
 * <pre>
 * engram-observations-high ───┐                        ┌→ engram-rejected
 * engram-observations-normal ─┼→ observations ─────────┼→ engram-sessions
 * engram-observations-low ────┘      ↕                 └→ engram-backpressure
 *                              memory (RocksDB, changelog, index)
 * </pre>
 */
public final class EngramTopology {
    public static final String PROCESSOR = "observations";
    public static final String STORE = "memory";
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
        addSink(topology, REJECTED_SINK, topics.rejected());
        addSink(topology, SESSIONS_SINK, topics.sessions());
        addSink(topology, BACKPRESSURE_SINK, topics.backpressure());
        return topology;
    }

    private static void addSink(Topology topology, String name, String topic) {
        topology.addSink(name, topic, new ByteArraySerializer(), new ByteArraySerializer(), PROCESSOR);
    }
}
