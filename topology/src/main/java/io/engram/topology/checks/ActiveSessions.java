package io.engram.topology.checks;

import io.engram.topology.store.SessionKey;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** The sessions that sent something lately, on this instance. Thread-safe. */
public final class ActiveSessions {
    private final long idleMs;
    private final LongSupplier clock;
    private final Map<SessionKey, Long> lastSeen = new ConcurrentHashMap<>();
    private final Map<SessionKey, Long> acknowledged = new ConcurrentHashMap<>();
    // What of them is not acknowledged yet, however long ago they sent it.
    private final Set<SessionKey> owed = ConcurrentHashMap.newKeySet();

    /**
     * @param idleMs a session counts for this long after its last record
     * @param clock epoch milliseconds
     */
    public ActiveSessions(long idleMs, LongSupplier clock) {
        this.idleMs = idleMs;
        this.clock = clock;
    }

    /** What was last acknowledged of a session; empty when it is not active here, and nothing of it is owed. */
    public OptionalLong acknowledged(SessionKey session) {
        Long sequence = acknowledged.get(session);
        return sequence == null ? OptionalLong.empty() : OptionalLong.of(sequence);
    }

    void acknowledge(SessionKey session, long sequence) {
        acknowledged.put(session, sequence);
    }

    /**
     * A record of the session came.
     *
     * @param before the last number that was taken before it
     */
    void seen(SessionKey session, long before) {
        // Of a session that is not remembered everything is acknowledged, up to the number before this record; for one
        // that begins anew that is 0.
        acknowledged.merge(session, before, Math::min);
        lastSeen.put(session, clock.getAsLong());
    }

    /** A record of the session is to be acknowledged. */
    void owes(SessionKey session) {
        owed.add(session);
    }

    /** Everything of the session is acknowledged. */
    void settled(SessionKey session) {
        owed.remove(session);
    }

    /** The session was closed: its numbers start anew. */
    void ended(SessionKey session) {
        lastSeen.remove(session);
        acknowledged.put(session, 0L);
    }

    /** The session is gone, or is others' to acknowledge. */
    void forgotten(SessionKey session) {
        lastSeen.remove(session);
        owed.remove(session);
        acknowledged.remove(session);
    }

    /** Sessions seen within the idle time; forgets the others. */
    public long count() {
        long from = clock.getAsLong() - idleMs;
        lastSeen.values().removeIf(seen -> seen < from);
        acknowledged.keySet().removeIf(session -> !lastSeen.containsKey(session) && !owed.contains(session));
        return lastSeen.size();
    }
}
