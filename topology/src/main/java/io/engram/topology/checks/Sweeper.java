package io.engram.topology.checks;

import io.engram.schemas.Lane;
import io.engram.topology.SessionConfig;
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
    private final long openMs;
    private final Retention retention;
    private final Deque<String> droppedSpaces = new ArrayDeque<>();
    private final Set<String> dropMarks = new HashSet<>();
    private MemoryStore.SweepCursor dropCursor = new MemoryStore.SweepCursor();
    private final MemoryStore.RetiredCursor retiredCursor = new MemoryStore.RetiredCursor();
    private Optional<SessionKey> lastSession = Optional.empty();

    /**
     * @param sessions how long sessions, their open numbers and tombstones are kept
     * @param retention is told when all that was dropped with a space is deleted
     */
    Sweeper(MemoryStore store, SessionConfig sessions, Retention retention) {
        this.store = store;
        this.retentionMs = sessions.retentionMs();
        this.openMs = sessions.openMs();
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
     * Has some sessions forget numbers that were open for too long, and deletes those that were inactive for the retention
     * time and have no open numbers.
     *
     * @param processedEnqueueTimeMs by lane, of lanes from which something was processed
     * @param brokerMs the broker's time, as far as it is known here; epoch ms
     */
    SweptSessions sweepSessions(Map<Lane, Long> processedEnqueueTimeMs, long brokerMs) {
        List<SessionKey> purged = new ArrayList<>();
        List<MemoryStore.StoredSession> changed = new ArrayList<>();
        MemoryStore.SessionPage page = store.sessionsAfter(lastSession, STEP);
        for (MemoryStore.StoredSession session : page.sessions()) {
            Optional<Long> now =
                    Optional.ofNullable(processedEnqueueTimeMs.get(session.key().lane()));
            boolean old = now.filter(ms -> ms - session.state().lastActivityMs() > retentionMs)
                    .isPresent();
            boolean expired = session.state().expireOpen(brokerMs - openMs);
            if (old && session.state().open().isEmpty()) {
                store.deleteSession(session.key());
                purged.add(session.key());
            } else if (expired) {
                store.putSession(session.key(), session.state());
                changed.add(session);
            }
        }
        lastSession = page.last();
        store.expireRetired(retiredCursor, brokerMs - openMs, STEP);
        return new SweptSessions(purged, changed);
    }

    /**
     * What became of sessions.
     *
     * @param purged are deleted
     * @param changed lost open numbers
     */
    record SweptSessions(List<SessionKey> purged, List<MemoryStore.StoredSession> changed) {}

    /** Forgets which spaces were dropped, once no older change can come any more. */
    void sweepDropMarks(long processedEnqueueTimeMs) {
        dropMarks.removeIf(space -> {
            SpaceRecord record = store.space(space);
            boolean old = processedEnqueueTimeMs - record.dropped().atMs() > retentionMs;
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
