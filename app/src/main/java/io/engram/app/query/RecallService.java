package io.engram.app.query;

import io.engram.schemas.Lane;
import io.engram.topology.indexing.LaneProgress;
import io.engram.topology.recall.Recall;
import io.engram.topology.recall.RecallOutcome;
import io.engram.topology.store.MemoryView;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Recall over the stores of this instance. Thread-safe. */
public final class RecallService {
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
     * Recalls one space.
     *
     * @throws UnavailableException while the space's partition is not served here
     * @throws NotIndexedInTimeException when {@code minOffsets} were not reached within the timeout
     * @throws IllegalArgumentException when {@code minOffsets} name another partition
     */
    public RecallOutcome recall(String space, RecallParameters parameters) throws InterruptedException {
        int partition = stores.partitionOf(space);
        if (!parameters.minOffsets().isEmpty()) {
            awaitIndexed(space, partition, parameters);
        }
        Optional<Map<Lane, Long>> committed = parameters.consistency() == RecallParameters.Consistency.COMMITTED
                ? Optional.of(stores.committedOffsets(partition))
                : Optional.empty();
        return stores.ask(space, view -> Recall.from(view, parameters.request(space, committed)));
    }

    private void awaitIndexed(String space, int partition, RecallParameters parameters) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(parameters.timeoutMs());
        Map<Lane, LaneProgress> lanes = stores.ask(space, MemoryView::lanes);
        for (Map.Entry<String, Long> wanted : parameters.minOffsets().entrySet()) {
            LaneProgress lane = Lane.ALL.stream()
                    .filter(candidate -> wanted.getKey().equals(candidate.label() + "-" + partition))
                    .findFirst()
                    .map(lanes::get)
                    .orElseThrow(() -> new IllegalArgumentException("min_offsets."
                            + wanted.getKey()
                            + " is not a lane of space '"
                            + space
                            + "', which is on partition "
                            + partition
                            + ": use for example normal-"
                            + partition));
            long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (lane.indexedOffset() < wanted.getValue() && !lane.offsets().await(wanted.getValue(), leftMs)) {
                throw new NotIndexedInTimeException(wanted.getKey()
                        + " is indexed up to "
                        + lane.indexedOffset()
                        + ", not yet to "
                        + wanted.getValue()
                        + ", after "
                        + parameters.timeoutMs()
                        + " ms");
            }
        }
    }
}
