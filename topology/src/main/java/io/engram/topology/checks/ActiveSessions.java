package io.engram.topology.checks;

import io.engram.topology.store.SessionKey;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** The sessions that sent something lately, on this instance. Thread-safe. */
public final class ActiveSessions {
    private final long idleMs;
    private final LongSupplier clock;
    private final Map<SessionKey, Long> lastSeen = new ConcurrentHashMap<>();

    /**
     * @param idleMs a session counts for this long after its last record
     * @param clock epoch milliseconds
     */
    public ActiveSessions(long idleMs, LongSupplier clock) {
        this.idleMs = idleMs;
        this.clock = clock;
    }

    void seen(SessionKey session) {
        lastSeen.put(session, clock.getAsLong());
    }

    void ended(SessionKey session) {
        lastSeen.remove(session);
    }

    /** Sessions seen within the idle time; forgets the others. */
    public long count() {
        long from = clock.getAsLong() - idleMs;
        lastSeen.values().removeIf(seen -> seen < from);
        return lastSeen.size();
    }
}
