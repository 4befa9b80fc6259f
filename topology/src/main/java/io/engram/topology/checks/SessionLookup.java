package io.engram.topology.checks;

import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.SessionKey;
import io.engram.topology.store.SessionState;
import java.util.Optional;

/**
 * The incarnation of a session to which a record belongs.
 *
 * @param state as it is stored, or fresh
 * @param retired true for an earlier incarnation, of which only open numbers are left
 * @param replaced the closed incarnation that this fresh one takes the place of
 */
record SessionLookup(SessionKey key, SessionState state, boolean retired, Optional<SessionState> replaced) {
    /** Finds it: a session that was closed starts anew at 1, but what comes again belongs where it was. */
    static SessionLookup of(MemoryStore store, SessionKey key, long sequence, Incoming record) {
        Optional<SessionState> stored = store.session(key);
        if (record.isRedelivered()) {
            long origin = record.originOffset();
            if (stored.filter(session -> origin >= session.incarnation()).isPresent()) {
                return new SessionLookup(key, stored.get(), false, Optional.empty());
            }
            Optional<SessionState> earlier = store.retiredSession(key, origin);
            if (earlier.isPresent() || stored.isPresent()) {
                // An incarnation of which nothing is open is not kept: a closed one stands for it.
                SessionState state = earlier.orElseGet(() -> {
                    SessionState gone = SessionState.startedAt(origin);
                    gone.close();
                    return gone;
                });
                return new SessionLookup(key, state, true, Optional.empty());
            }
            return new SessionLookup(key, SessionState.startedAt(origin), false, Optional.empty());
        }
        if (stored.isPresent() && !(stored.get().isClosed() && sequence == 1)) {
            return new SessionLookup(key, stored.get(), false, Optional.empty());
        }
        return new SessionLookup(key, SessionState.startedAt(record.offset()), false, stored);
    }

    /** Writes the state back; numbers that the replaced incarnation left open stay open beside it. */
    void store(MemoryStore store) {
        if (retired) {
            store.putRetiredSession(key, state);
        } else {
            replaced.filter(before -> !before.open().isEmpty())
                    .ifPresent(before -> store.putRetiredSession(key, before));
            store.putSession(key, state);
        }
    }
}
