package io.engram.topology.apply;

import io.engram.schemas.Observation;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.Stamp;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.intake.Incoming;
import io.engram.topology.intake.Verdict;
import io.engram.topology.metrics.SpaceMetrics;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.tick.Sweeper;
import io.engram.topology.workers.Change;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Applies accepted operations to the store and hands them over to the index. The newest change of a memory, of a setting or
 * of a space, by enqueue time, wins whatever the order in which lanes deliver; an older one is accepted without effect.
 */
final class Changes {
    private static final float[] NO_EMBEDDING = {};
    private static final long REDELIVERY_SLACK_MS = 60_000;

    private final MemoryStore store;
    private final Sweeper sweeper;
    private final Retention retention;
    private final Consumer<String> newSpaces;
    private final Consumer<String> droppedSpaces;

    /**
     * @param newSpaces is told of each space that comes into use
     * @param droppedSpaces is told of each space that is dropped
     */
    Changes(
            MemoryStore store,
            Sweeper sweeper,
            Retention retention,
            Consumer<String> newSpaces,
            Consumer<String> droppedSpaces) {
        this.store = store;
        this.sweeper = sweeper;
        this.retention = retention;
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
            SpaceRecord created = known.withDimension(observation.embedding().length);
            store.putSpace(space, created);
            retention.known(space, created);
            newSpaces.accept(space);
        }
        store.displace(space, known, accepted.id());
        store.putMemory(space, accepted.id(), observation, origin, accepted.stored());
        boolean handedOver = submit(record, space, accepted.id(), origin, observation.embedding());
        // After it was handed over: it may be the oldest, and be forgotten at once.
        retention.remembered(
                space,
                new MemoryStore.TimedMemory(origin.enqueuedAtMs(), accepted.id()),
                accepted.stored(),
                record.appendedAtMs());
        return handedOver;
    }

    /**
     * It says what is stored already. From now on that is as new as the record: what was enqueued between the two, and comes
     * later by a slower lane, must not win over it.
     */
    void repeat(Incoming record, String space, String id) {
        Optional<StoredMemory> stored = store.memory(space, id);
        if (stored.isEmpty() || isOlder(record, store.space(space), stored)) {
            return;
        }
        StoredMemory before = stored.get();
        store.renewMemory(
                space,
                id,
                before,
                new StoredMemory.Origin(
                        before.generation(),
                        record.enqueuedAtMs(),
                        before.digest(),
                        record.lane().lane(),
                        record.originOffset()));
        retention.remembered(
                space, new MemoryStore.TimedMemory(record.enqueuedAtMs(), id), stored, record.appendedAtMs());
    }

    private boolean forget(Incoming record, String space, SpaceMetrics metrics, Verdict.Accepted accepted) {
        Optional<StoredMemory> stored = accepted.stored();
        if (isOlder(record, store.space(space), stored)) {
            metrics.superseded();
            return false;
        }
        StoredMemory.Origin origin = origin(record, accepted);
        store.displace(space, store.space(space), accepted.id());
        store.putTombstone(space, accepted.id(), origin, stored);
        if (stored.isEmpty() || stored.get().isTombstone()) {
            // Its observation may still be on its way on a slower lane: the tombstone will meet it.
            metrics.forgetUnknown();
            return false;
        }
        retention.forgotten(space, accepted.id(), stored.get());
        return submit(record, space, accepted.id(), origin, NO_EMBEDDING);
    }

    private boolean configure(Incoming record, String space, SpaceMetrics metrics, Observation observation) {
        SpaceRecord known = store.space(space);
        if (isBefore(record, known.dropped())) {
            metrics.superseded();
            return false;
        }
        SpaceRecord configured = known.with(observation.settings(), stamp(record), set -> isBefore(record, set));
        store.putSpace(space, configured);
        retention.known(space, configured);
        if (configured.exists() && !known.exists()) {
            newSpaces.accept(space);
        }
        return false;
    }

    private boolean drop(Incoming record, String space, SpaceMetrics metrics) {
        SpaceRecord known = store.space(space);
        if (isBefore(record, known.dropped())) {
            metrics.superseded();
            return false;
        }
        SpaceRecord dropped =
                known.dropped(store.nextGeneration(), stamp(record), record.latestMs(), set -> isBefore(record, set));
        store.dropSpace(space, dropped);
        retention.dropped(space, known);
        if (dropped.hasRetention()) {
            retention.known(space, dropped);
        }
        sweeper.dropped(space, dropped);
        if (known.exists()) {
            droppedSpaces.accept(space);
        }
        return false;
    }

    private static boolean isOlder(Incoming record, SpaceRecord space, Optional<StoredMemory> stored) {
        return isBefore(record, space.dropped())
                || stored.filter(memory -> isBefore(
                                record, new Stamp(memory.enqueuedAtMs(), memory.lane(), memory.sourceOffset())))
                        .isPresent();
    }

    /**
     * On one lane the later offset wins, whatever the clocks of its brokers say: of a fresh change always, of one that comes
     * again while the times are near, for its offset may be of a lane that was made again since. Else the later time wins,
     * and what comes again gives way. A time that has not come yet is from a clock that was ahead, and says nothing.
     */
    private static boolean isBefore(Incoming record, Stamp stored) {
        if (stored.lane() == record.lane().lane()) {
            if (record.isRedelivered() && Math.abs(stored.atMs() - record.enqueuedAtMs()) <= Stamp.CLOCKS_DIFFER_MS) {
                return stored.offset() > record.originOffset();
            }
            if (!record.isRedelivered() && record.offset() > stored.offset()) {
                return false;
            }
        }
        return record.isRedelivered()
                ? stored.atMs() >= record.enqueuedAtMs()
                : stored.atMs() > record.enqueuedAtMs() && stored.atMs() <= record.latestMs();
    }

    private static Stamp stamp(Incoming record) {
        return new Stamp(record.enqueuedAtMs(), record.lane().lane(), record.originOffset());
    }

    private StoredMemory.Origin origin(Incoming record, Verdict.Accepted accepted) {
        return new StoredMemory.Origin(
                store.nextGeneration(),
                record.enqueuedAtMs(),
                accepted.digest(),
                record.lane().lane(),
                record.originOffset());
    }

    private boolean submit(Incoming record, String space, String id, StoredMemory.Origin origin, float[] embedding) {
        // What comes again lets fresh observations pass.
        long deadlineMs = record.isRedelivered() ? record.deadlineMs() + REDELIVERY_SLACK_MS : record.deadlineMs();
        Change change =
                new Change(id, origin.generation(), embedding, deadlineMs, record.appendedAtMs(), record.offset());
        return store.view().index().submit(space, change, record.lane());
    }
}
