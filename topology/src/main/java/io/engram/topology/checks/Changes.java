package io.engram.topology.checks;

import io.engram.schemas.Observation;
import io.engram.topology.indexing.Change;
import io.engram.topology.metrics.SpaceMetrics;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.SpaceRecord;
import io.engram.topology.store.StoredMemory;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Applies accepted operations to the store and hands them over to the index. The newest change of a memory, by enqueue
 * time, wins whatever the order in which lanes deliver; an older one is accepted without effect.
 */
final class Changes {
    private static final float[] NO_EMBEDDING = {};

    private final MemoryStore store;
    private final Sweeper sweeper;
    private final Consumer<String> newSpaces;
    private final Consumer<String> droppedSpaces;

    /**
     * @param newSpaces is told of each space that comes into use
     * @param droppedSpaces is told of each space that is dropped
     */
    Changes(MemoryStore store, Sweeper sweeper, Consumer<String> newSpaces, Consumer<String> droppedSpaces) {
        this.store = store;
        this.sweeper = sweeper;
        this.newSpaces = newSpaces;
        this.droppedSpaces = droppedSpaces;
    }

    /** Returns true when the index was handed something and will finish the record. */
    boolean apply(
            Incoming record, String space, SpaceMetrics metrics, Observation observation, Verdict.Accepted accepted) {
        return switch (observation.operation()) {
            case OBSERVE -> observe(record, space, metrics, observation, accepted);
            case FORGET -> forget(record, space, metrics, accepted);
            case CONFIGURE -> configure(record, space, metrics, observation);
            case DROP -> drop(record, space, metrics);
            case CLOSE -> false;
        };
    }

    private boolean observe(
            Incoming record, String space, SpaceMetrics metrics, Observation observation, Verdict.Accepted accepted) {
        SpaceRecord known = store.space(space);
        if (isOlder(record, known, accepted.stored())) {
            metrics.superseded();
            return false;
        }
        StoredMemory.Origin origin = origin(record, accepted);
        if (!known.exists()) {
            store.putSpace(space, known.withDimension(observation.embedding().length));
            newSpaces.accept(space);
        }
        store.putMemory(space, accepted.id(), observation, origin);
        submit(record, space, accepted.id(), origin, observation.embedding());
        return true;
    }

    private boolean forget(Incoming record, String space, SpaceMetrics metrics, Verdict.Accepted accepted) {
        Optional<StoredMemory> stored = accepted.stored();
        if (isOlder(record, store.space(space), stored)) {
            metrics.superseded();
            return false;
        }
        StoredMemory.Origin origin = origin(record, accepted);
        store.putTombstone(space, accepted.id(), origin);
        if (stored.isEmpty() || stored.get().isTombstone()) {
            // Its observation may still be on its way on a slower lane: the tombstone will meet it.
            metrics.forgetUnknown();
            return false;
        }
        submit(record, space, accepted.id(), origin, NO_EMBEDDING);
        return true;
    }

    private boolean configure(Incoming record, String space, SpaceMetrics metrics, Observation observation) {
        SpaceRecord known = store.space(space);
        if (known.droppedAtMs() > record.enqueuedAtMs()) {
            metrics.superseded();
            return false;
        }
        observation.settings().dimension().ifPresent(dimension -> {
            store.putSpace(space, known.withDimension(dimension));
            newSpaces.accept(space);
        });
        return false;
    }

    private boolean drop(Incoming record, String space, SpaceMetrics metrics) {
        SpaceRecord known = store.space(space);
        if (known.droppedAtMs() > record.enqueuedAtMs()) {
            metrics.superseded();
            return false;
        }
        store.putSpace(space, new SpaceRecord(0, store.nextGeneration(), record.enqueuedAtMs()));
        store.view().index().drop(space);
        sweeper.dropped(space);
        droppedSpaces.accept(space);
        return false;
    }

    private static boolean isOlder(Incoming record, SpaceRecord space, Optional<StoredMemory> stored) {
        return space.droppedAtMs() > record.enqueuedAtMs()
                || stored.isPresent() && stored.get().enqueuedAtMs() > record.enqueuedAtMs();
    }

    private StoredMemory.Origin origin(Incoming record, Verdict.Accepted accepted) {
        return new StoredMemory.Origin(
                store.nextGeneration(),
                record.enqueuedAtMs(),
                accepted.digest(),
                record.lane().lane(),
                record.offset());
    }

    private void submit(Incoming record, String space, String id, StoredMemory.Origin origin, float[] embedding) {
        Change change = new Change(
                id, origin.generation(), embedding, record.deadlineMs(), record.enqueuedAtMs(), record.offset());
        store.view().index().submit(space, change, record.lane());
    }
}
