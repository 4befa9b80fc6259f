package io.engram.app.query;

import io.engram.schemas.Lane;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.recall.Effort;
import io.engram.topology.recall.Recall;
import io.engram.topology.recall.RecallOutcome;
import io.engram.topology.store.MemoryView.Role;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Recall over the stores of this instance. Thread-safe. */
public final class RecallService {
    // An active task may go elsewhere while somebody waits for it.
    private static final long LOOK_AGAIN_ACTIVE_MS = 200;
    private static final long LOOK_AGAIN_STANDBY_MS = 20;

    private final LocalStores stores;

    public RecallService(LocalStores stores) {
        this.stores = stores;
    }

    /** The records that a recall was to wait for were not indexed in time. */
    public static final class NotIndexedInTimeException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NotIndexedInTimeException(String message) {
            super(message);
        }
    }

    /**
     * What a recall found, and who found it.
     *
     * @param lag records of the changelog that a standby was behind; 0 when active
     */
    public record Recalled(RecallOutcome outcome, Role role, long lag) {}

    /**
     * Waits until what the request wants to see is indexed.
     *
     * @throws UnavailableException while the space's partition is not served here
     * @throws NotIndexedInTimeException when {@code minOffsets} were not reached within the timeout
     * @throws IllegalArgumentException when {@code minOffsets} name another partition
     */
    public void awaitIndexed(String space, RecallParameters parameters) throws InterruptedException {
        awaitIndexed(space, stores.partitionOf(space), parameters);
    }

    /**
     * Recalls one space from this instance, be it the active one or a standby close behind.
     *
     * @throws UnavailableException while the space's partition is not served here
     */
    public Recalled recall(String space, RecallParameters parameters, Effort effort) {
        int partition = stores.partitionOf(space);
        Optional<Map<Lane, Long>> committed = parameters.consistency() == RecallParameters.Consistency.COMMITTED
                ? Optional.of(stores.committedOffsets(partition))
                : Optional.empty();
        return stores.find(space, view -> {
                    RecallOutcome outcome = Recall.from(view, parameters.request(space, committed), effort);
                    return outcome instanceof RecallOutcome.UnknownSpace
                            ? Optional.empty()
                            : Optional.of(new Recalled(
                                    outcome, view.role(), view.role() == Role.STANDBY ? view.standbyLag() : 0));
                })
                .orElseGet(() -> new Recalled(new RecallOutcome.UnknownSpace(space), Role.ACTIVE, 0));
    }

    /**
     * Reads what {@link #recall} found and does not hold; empty when it is gone or does not fit any more.
     *
     * @throws UnavailableException when the space's partition is not served here any more
     */
    public Optional<RecallOutcome.Recalled> read(
            String space, RecallParameters parameters, RecallOutcome.Recalled found) {
        return stores.ask(space, view -> Recall.read(view, parameters.request(space, Optional.empty()), found.id()));
    }

    private void awaitIndexed(String space, int partition, RecallParameters parameters) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(parameters.timeoutMs());
        for (Map.Entry<String, Long> wanted : parameters.minOffsets().entrySet()) {
            Lane lane = laneOf(wanted.getKey(), space, partition);
            long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (!await(space, lane, wanted.getValue(), leftMs)) {
                throw new NotIndexedInTimeException(wanted.getKey()
                        + " is indexed up to "
                        + indexedOffset(space, lane)
                        + ", not yet to "
                        + wanted.getValue()
                        + ", after "
                        + parameters.timeoutMs()
                        + " ms");
            }
        }
    }

    private static Lane laneOf(String name, String space, int partition) {
        return Lane.ALL.stream()
                .filter(candidate -> name.equals(candidate.label() + "-" + partition))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("min_offsets."
                        + name
                        + " is not a lane of space '"
                        + space
                        + "', which is on partition "
                        + partition
                        + ": use for example normal-"
                        + partition));
    }

    private long indexedOffset(String space, Lane lane) {
        return stores.ask(space, view -> {
            LaneProgress progress = view.lanes().get(lane);
            return progress == null ? view.index().indexedTo().of(lane) : progress.indexedOffset();
        });
    }

    /** Waits on the active task, or looks again and again at a standby, which learns of it by the changelog. */
    private boolean await(String space, Lane lane, long offset, long timeoutMs) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (indexedOffset(space, lane) < offset) {
            long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (leftMs <= 0) {
                return false;
            }
            Optional<LaneProgress> active =
                    stores.ask(space, view -> Optional.ofNullable(view.lanes().get(lane)));
            if (active.isPresent()) {
                active.get().offsets().await(offset, Math.min(leftMs, LOOK_AGAIN_ACTIVE_MS));
            } else {
                Thread.sleep(Math.min(leftMs, LOOK_AGAIN_STANDBY_MS));
            }
        }
        return true;
    }
}
