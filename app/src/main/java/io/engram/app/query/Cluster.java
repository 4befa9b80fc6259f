package io.engram.app.query;

import io.engram.topology.EngramTopology;
import io.engram.topology.store.MemoryView;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyQueryMetadata;
import org.apache.kafka.streams.StreamsMetadata;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.state.HostInfo;

/**
 * Who has which partition, as the group last agreed; and who did not answer lately. Instances that have just died are in
 * it until the group notices, so whoever asks one must have another in hand. Thread-safe.
 */
public final class Cluster {
    private static final long SUSPECT_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final Group group;
    private final LocalStores stores;
    private final HostInfo self;
    private final LongSupplier nanoTime;
    private final Map<Integer, KeyQueryMetadata> lastKnown = new ConcurrentHashMap<>();
    private final Map<HostInfo, Long> suspectUntil = new ConcurrentHashMap<>();

    /** What the group has agreed on, as Kafka Streams tells it. */
    private interface Group {
        /** Who has the partition of a space; empty while that is not known. */
        Optional<KeyQueryMetadata> holders(String space);

        /** Every member. */
        List<HostInfo> members();
    }

    private record StreamsGroup(KafkaStreams streams) implements Group {
        @Override
        public Optional<KeyQueryMetadata> holders(String space) {
            KeyQueryMetadata metadata = streams.queryMetadataForKey(
                    EngramTopology.STORE, space.getBytes(StandardCharsets.UTF_8), new ByteArraySerializer());
            return Optional.ofNullable(metadata).filter(known -> !known.equals(KeyQueryMetadata.NOT_AVAILABLE));
        }

        @Override
        public List<HostInfo> members() {
            return streams.metadataForAllStreamsClients().stream()
                    .map(StreamsMetadata::hostInfo)
                    .toList();
        }
    }

    private record Nobody() implements Group {
        @Override
        public Optional<KeyQueryMetadata> holders(String space) {
            return Optional.empty();
        }

        @Override
        public List<HostInfo> members() {
            return List.of();
        }
    }

    /**
     * @param self this instance's own {@code host:port}, as others see it
     * @param nanoTime as {@link System#nanoTime}
     */
    public Cluster(KafkaStreams streams, LocalStores stores, String self, LongSupplier nanoTime) {
        this(new StreamsGroup(streams), stores, self, nanoTime);
    }

    /** An instance that is alone: nobody else is ever asked. */
    public static Cluster alone(LocalStores stores, String self, LongSupplier nanoTime) {
        return new Cluster(new Nobody(), stores, self, nanoTime);
    }

    private Cluster(Group group, LocalStores stores, String self, LongSupplier nanoTime) {
        this.group = group;
        this.stores = stores;
        this.self = HostInfo.buildFromEndpoint(self);
        this.nanoTime = nanoTime;
    }

    public boolean isSelf(HostInfo host) {
        return host.equals(self);
    }

    /** This instance. */
    public HostInfo self() {
        return self;
    }

    /**
     * Whom to ask about a space, in this order: the active instance, then standbys, this one before others; those that did
     * not answer lately come last. This instance is among them when it can answer, whatever the group knows; one that has
     * no stream thread, and no part in the group any more, asks everybody.
     */
    public List<HostInfo> candidates(String space) {
        Optional<KeyQueryMetadata> known = metadata(space);
        Set<HostInfo> ordered = new LinkedHashSet<>();
        known.ifPresent(metadata -> ordered.add(metadata.activeHost()));
        if (stores.roleOf(space) != MemoryView.Role.LOADING) {
            ordered.add(self);
        }
        known.ifPresent(metadata -> ordered.addAll(metadata.standbyHosts()));
        if (!stores.hasThreads()) {
            ordered.addAll(others()); // what the group has agreed since the last thread ended is not known here
        }
        ordered.remove(HostInfo.unavailable());
        if (ordered.isEmpty()) {
            ordered.add(self);
        }
        List<HostInfo> candidates = new ArrayList<>(ordered);
        candidates.sort((a, b) -> Boolean.compare(isSuspect(a), isSuspect(b)));
        return candidates;
    }

    private Optional<KeyQueryMetadata> metadata(String space) {
        int partition = stores.partitionOf(space);
        try {
            Optional<KeyQueryMetadata> known = group.holders(space);
            if (known.isPresent()) {
                lastKnown.put(partition, known.get());
                return known;
            }
        } catch (IllegalStateException | StreamsException e) {
            // Not running yet, or no longer: what was known last is the best guess.
        }
        return Optional.ofNullable(lastKnown.get(partition));
    }

    /** Every other instance that the group knows. */
    public List<HostInfo> others() {
        try {
            return group.members().stream()
                    .filter(host -> !isSelf(host) && !host.equals(HostInfo.unavailable()))
                    .distinct()
                    .toList();
        } catch (IllegalStateException | StreamsException e) {
            return List.of();
        }
    }

    /** The instance did not answer: others are asked first for a while. */
    public void suspect(HostInfo host) {
        suspectUntil.put(host, nanoTime.getAsLong() + SUSPECT_NANOS);
    }

    /** The instance answered. */
    public void trust(HostInfo host) {
        suspectUntil.remove(host);
    }

    private boolean isSuspect(HostInfo host) {
        Long until = suspectUntil.get(host);
        return until != null && until - nanoTime.getAsLong() > 0;
    }
}
