package io.engram.topology.progress;

import io.engram.topology.format.SessionKey;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The sessions of a partition of which something is still to be acknowledged, each with the last number that was. Of all others
 * everything is acknowledged, up to what is stored.
 *
 * <pre>
 * stream thread   owes → the new state is stored → … → acknowledge, settled
 * a reader        the stored state, then what is owed: it never takes for acknowledged what is only stored
 * </pre>
 *
 * Thread-safe; written by the stream thread.
 */
public final class OwedSessions {
    private final Map<SessionKey, Long> acknowledged = new ConcurrentHashMap<>();

    /**
     * Something of the session is to be acknowledged; to be said before its new state is stored.
     *
     * @param before the last number that it had taken before; 0 when its numbers start anew
     */
    public void owes(SessionKey session, long before) {
        // What is owed already is what counts, unless the numbers start anew.
        acknowledged.merge(session, before, Math::min);
    }

    /** That number of the session, and all before it, were acknowledged; nothing when nothing of it is owed. */
    public void acknowledge(SessionKey session, long sequence) {
        acknowledged.replace(session, sequence);
    }

    /** Nothing of the session is owed any more. */
    public void settled(SessionKey session) {
        acknowledged.remove(session);
    }

    /** The last number that was acknowledged of a session; empty when nothing of it is owed. */
    public OptionalLong acknowledged(SessionKey session) {
        Long sequence = acknowledged.get(session);
        return sequence == null ? OptionalLong.empty() : OptionalLong.of(sequence);
    }

    /** The partition is processed elsewhere, or begins here. */
    public void clear() {
        acknowledged.clear();
    }
}
