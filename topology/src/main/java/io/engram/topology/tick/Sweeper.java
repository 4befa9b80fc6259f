package io.engram.topology.tick;

import io.engram.topology.format.DropMark;
import io.engram.topology.format.DueKind;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.store.DueQueue;
import io.engram.topology.store.MemoryStore;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Removes what time has passed by, a little at a time so that the stream thread never stalls: memories of dropped spaces, the
 * marks of drops, old tombstones. Time is the lane's enqueue time, so that a backlog ages nothing. Of sessions: {@link
 * SessionSweeper}.
 *
 * <pre>
 * drop → key of {@link DueKind#SWEEP} ── all that it hides is deleted ──→ key of {@link DueKind#DROP} ── nothing older can come ──→ forgotten
 * </pre>
 */
public final class Sweeper {
    private static final int STEP = 250;
    /** Of memories, which may be large. */
    private static final int MEMORIES = 100;
    /** Of spaces that are looked at before the time is. */
    private static final int HANDED_OUT = 50;

    private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

    private final MemoryStore store;
    private final long retentionMs;
    private final SpaceRetention retention;
    private final DueQueue sweeps;
    private final DueQueue drops;

    /**
     * @param sessions how long tombstones and marks of drops are kept
     * @param retention is told when all that was dropped with a space is deleted
     */
    public Sweeper(MemoryStore store, SessionConfig sessions, SpaceRetention retention) {
        this.store = store;
        this.retentionMs = sessions.retentionMs();
        this.retention = retention;
        this.sweeps = store.due(DueKind.SWEEP);
        this.drops = store.due(DueKind.DROP);
    }

    /** The space was dropped; its memories are invisible and will be deleted. */
    public void dropped(String space, SpaceRecord dropped) {
        sweeps.put(0, space, DropMark.of(dropped).encode());
    }

    /** Deletes some memories of dropped spaces, in turns. */
    void sweepDropped() {
        long deadline = System.nanoTime() + STEP_NANOS;
        List<DueQueue.Due> due = sweeps.until(DueQueue.AT_ONCE, HANDED_OUT);
        while (!due.isEmpty()) {
            for (DueQueue.Due next : due) {
                if (!store.view().index().hasBackgroundRoom()) {
                    return;
                }
                sweeps.done(next);
                sweep(next.subject(), DropMark.decode(next.value()));
                // Asked afterwards: on a machine so slow that reading takes all the time, there is some progress still.
                if (System.nanoTime() - deadline >= 0) {
                    return;
                }
            }
            due = sweeps.until(DueQueue.AT_ONCE, HANDED_OUT);
        }
    }

    private void sweep(String space, DropMark mark) {
        SpaceRecord record = store.peekSpace(space);
        if (record.droppedGeneration() != mark.generation()) {
            return; // dropped again, which has a key of its own
        }
        Optional<String> sweptTo = store.sweepDropped(space, record, mark.sweptTo(), MEMORIES);
        if (sweptTo.isPresent()) {
            sweeps.put(0, space, new DropMark(mark.generation(), sweptTo).encode());
            return;
        }
        SpaceRecord swept = record.swept();
        store.rewriteSpace(space, swept);
        drops.put(record.dropped().atMs(), space, DropMark.of(record).encode());
        retention.swept(space, swept);
    }

    /** Deletes some tombstones from before the retention time. */
    void sweepTombstones(long oldestComingMs) {
        long deadline = System.nanoTime() + STEP_NANOS;
        boolean more;
        do {
            more = store.purgeTombstones(oldestComingMs - retentionMs, STEP) == STEP;
        } while (more && System.nanoTime() - deadline < 0);
    }

    /** Forgets some drops, once no older change can come any more. */
    void forgetDrops(long oldestComingMs) {
        long deadline = System.nanoTime() + STEP_NANOS;
        List<DueQueue.Due> due;
        do {
            due = drops.until(oldestComingMs - retentionMs - 1, HANDED_OUT);
            for (DueQueue.Due next : due) {
                drops.done(next);
                forget(next.subject(), DropMark.decode(next.value()));
                // Asked afterwards, as above.
                if (System.nanoTime() - deadline >= 0) {
                    return;
                }
            }
        } while (due.size() == HANDED_OUT);
    }

    private void forget(String space, DropMark mark) {
        SpaceRecord record = store.peekSpace(space);
        if (record.droppedGeneration() != mark.generation()) {
            return; // dropped again, which has a key of its own
        }
        if (record.exists() || record.hasRetention() || record.isRetained()) {
            store.rewriteSpace(space, record.withoutDropMark());
        } else {
            store.deleteSpace(space);
        }
    }
}
