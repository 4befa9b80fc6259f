package io.engram.topology.checks;

import io.engram.schemas.Lane;
import io.engram.topology.retention.Retention;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.SessionKey;
import io.engram.topology.store.SpaceRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Removes what time has passed by, a little at a time so that the stream thread never stalls: memories of dropped spaces,
 * old tombstones, sessions without activity. Time is the lane's enqueue time, so that a backlog ages nothing.
 */
final class Sweeper {
    private static final int STEP = 250;

    private final MemoryStore store;
    private final long retentionMs;
    private final Retention retention;
    private final Deque<String> droppedSpaces = new ArrayDeque<>();
    private final Set<String> dropMarks = new HashSet<>();
    private MemoryStore.SweepCursor dropCursor = new MemoryStore.SweepCursor();
    private Optional<SessionKey> lastSession = Optional.empty();

    /**
     * @param retentionMs of sessions and tombstones
     * @param retention is told when all that was dropped with a space is deleted
     */
    Sweeper(MemoryStore store, long retentionMs, Retention retention) {
        this.store = store;
        this.retentionMs = retentionMs;
        this.retention = retention;
    }

    /** The space was dropped; its memories are invisible and will be deleted. */
    void dropped(String space) {
        droppedSpaces.remove(space);
        droppedSpaces.addLast(space);
        dropMarks.add(space);
        dropCursor = new MemoryStore.SweepCursor();
    }

    /** Deletes some memories of dropped spaces. */
    void sweepDropped() {
        String space = droppedSpaces.peekFirst();
        if (space != null
                && store.view().index().hasBackgroundRoom()
                && store.sweepDropped(space, dropCursor, STEP) < STEP) {
            droppedSpaces.removeFirst();
            retention.swept(space);
            dropCursor = new MemoryStore.SweepCursor();
        }
    }

    /** Deletes some tombstones from before the retention time. */
    void sweepTombstones(long processedEnqueueTimeMs) {
        store.purgeTombstones(processedEnqueueTimeMs - retentionMs, STEP);
    }

    /**
     * Deletes some sessions that were inactive for the retention time and have no open numbers.
     *
     * @param processedEnqueueTimeMs by lane, of lanes from which something was processed
     * @return the sessions deleted
     */
    List<SessionKey> sweepSessions(Map<Lane, Long> processedEnqueueTimeMs) {
        List<SessionKey> purged = new ArrayList<>();
        MemoryStore.SessionPage page = store.sessionsAfter(lastSession, STEP);
        for (MemoryStore.StoredSession session : page.sessions()) {
            Optional<Long> now =
                    Optional.ofNullable(processedEnqueueTimeMs.get(session.key().lane()));
            boolean old = now.filter(ms -> ms - session.state().lastActivityMs() > retentionMs)
                    .isPresent();
            if (old && session.state().open().isEmpty()) {
                store.deleteSession(session.key());
                purged.add(session.key());
            }
        }
        lastSession = page.last();
        return purged;
    }

    /** Forgets which spaces were dropped, once no older change can come any more. */
    void sweepDropMarks(long processedEnqueueTimeMs) {
        dropMarks.removeIf(space -> {
            SpaceRecord record = store.space(space);
            boolean old = processedEnqueueTimeMs - record.droppedAtMs() > retentionMs;
            if (!old || droppedSpaces.contains(space)) {
                return false;
            }
            if (record.exists() || record.hasRetention()) {
                store.putSpace(space, record.withoutDropMark());
            } else {
                store.deleteSpace(space);
            }
            return true;
        });
    }
}
