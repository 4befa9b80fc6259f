package io.engram.topology.checks;

import io.engram.topology.store.SessionKey;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** The sessions that sent something lately, on this instance. Thread-safe. */
public final class ActiveSessions {
    private final long idleMs;
    private final LongSupplier clock;
    private final Map<SessionKey, Long> lastSeen = new ConcurrentHashMap<>();
    private final Map<SessionKey, Long> acknowledged = new ConcurrentHashMap<>();

    /**
     * @param idleMs a session counts for this long after its last record
     * @param clock epoch milliseconds
     */
    public ActiveSessions(long idleMs, LongSupplier clock) {
        this.idleMs = idleMs;
        this.clock = clock;
    }

    /** What was last acknowledged of an active session. */
    public OptionalLong acknowledged(SessionKey session) {
        Long sequence = acknowledged.get(session);
        return sequence == null ? OptionalLong.empty() : OptionalLong.of(sequence);
    }

    /** True when the session sent something lately. */
    public boolean isActive(SessionKey session) {
        return lastSeen.containsKey(session);
    }

    void acknowledge(SessionKey session, long sequence) {
        acknowledged.put(session, sequence);
    }

    void seen(SessionKey session) {
        lastSeen.put(session, clock.getAsLong());
    }

    void ended(SessionKey session) {
        lastSeen.remove(session);
        acknowledged.remove(session);
    }

    /** Sessions seen within the idle time; forgets the others. */
    public long count() {
        long from = clock.getAsLong() - idleMs;
        lastSeen.values().removeIf(seen -> seen < from);
        acknowledged.keySet().removeIf(session -> !lastSeen.containsKey(session));
        return lastSeen.size();
    }
}
