package io.engram.topology.progress;

import io.engram.topology.format.SessionKey;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * The sessions that sent something lately, on this instance, in order of when they did: only those that went idle are looked
 * at again. Thread-safe.
 */
public final class ActiveSessions {
    /** A few milliseconds' work: a stream thread does it. */
    static final int FORGOTTEN_PER_CALL = 10_000;

    private final long idleMs;
    private final LongSupplier clock;
    // When each was seen last, the earliest first.
    private final Map<SessionKey, Long> lastSeen = new LinkedHashMap<>();
    private final Map<SessionKey, Long> acknowledged = new HashMap<>();
    // What of them is not acknowledged yet, however long ago they sent it.
    private final Set<SessionKey> owed = new HashSet<>();
    // What was acknowledged of them may be forgotten, unless they are owed something by then.
    private final Set<SessionKey> ended = new HashSet<>();

    /**
     * @param idleMs a session counts for this long after its last record
     * @param clock epoch milliseconds
     */
    public ActiveSessions(long idleMs, LongSupplier clock) {
        this.idleMs = idleMs;
        this.clock = clock;
    }

    /** What was last acknowledged of a session; empty when it is not active here, and nothing of it is owed. */
    public synchronized OptionalLong acknowledged(SessionKey session) {
        Long sequence = acknowledged.get(session);
        return sequence == null ? OptionalLong.empty() : OptionalLong.of(sequence);
    }

    /** That number of the session, and all before it, were acknowledged. */
    public synchronized void acknowledge(SessionKey session, long sequence) {
        if (isRemembered(session)) {
            acknowledged.put(session, sequence);
        }
    }

    /**
     * A record of the session came.
     *
     * @param before the last number that was taken before it
     */
    public synchronized void seen(SessionKey session, long before) {
        // Of a session that is not remembered everything is acknowledged, up to the number before this record; for one
        // that begins anew that is 0.
        acknowledged.merge(session, before, Math::min);
        lastSeen.remove(session);
        lastSeen.put(session, clock.getAsLong());
    }

    /** A record of the session is to be acknowledged. */
    public synchronized void owes(SessionKey session) {
        owed.add(session);
    }

    /** Everything of the session is acknowledged. */
    public synchronized void settled(SessionKey session) {
        owed.remove(session);
        forgetUnlessRemembered(session);
    }

    /** The session was closed: its numbers start anew. */
    public synchronized void ended(SessionKey session) {
        lastSeen.remove(session);
        acknowledged.put(session, 0L);
        ended.add(session);
    }

    /** The session is gone, or is others' to acknowledge. */
    public synchronized void forgotten(SessionKey session) {
        lastSeen.remove(session);
        owed.remove(session);
        acknowledged.remove(session);
    }

    /**
     * Sessions seen within the idle time; forgets the others, up to {@value #FORGOTTEN_PER_CALL} of them. When more went idle
     * since the last call, as after the process was frozen, those that are left still count.
     */
    public synchronized long count() {
        long from = clock.getAsLong() - idleMs;
        Iterator<Map.Entry<SessionKey, Long>> earliest = lastSeen.entrySet().iterator();
        for (int i = 0; i < FORGOTTEN_PER_CALL && earliest.hasNext(); i++) {
            Map.Entry<SessionKey, Long> session = earliest.next();
            if (session.getValue() >= from) {
                break;
            }
            earliest.remove();
            forgetUnlessRemembered(session.getKey());
        }
        ended.forEach(this::forgetUnlessRemembered);
        ended.clear();
        return lastSeen.size();
    }

    private boolean isRemembered(SessionKey session) {
        return lastSeen.containsKey(session) || owed.contains(session);
    }

    private void forgetUnlessRemembered(SessionKey session) {
        if (!isRemembered(session)) {
            acknowledged.remove(session);
        }
    }
}
