package io.engram.topology.intake;

import io.engram.topology.format.RetiredSession;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.store.SessionStore;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The incarnation of a session to which a record belongs.
 *
 * @param state as it is stored, or fresh
 * @param retiredAt for an earlier incarnation, of which only open numbers are left: where the next one began
 * @param replaced the closed incarnation that this fresh one takes the place of
 * @param before where the session stood before the record
 */
public record SessionLookup(
        SessionKey key, SessionState state, OptionalLong retiredAt, Optional<SessionState> replaced, Before before) {
    /**
     * Of a session before a record.
     *
     * @param taken as {@link SessionState#taken}
     * @param activeMs as {@link SessionState#activeMs}
     */
    public record Before(long taken, long activeMs) {
        private static Before of(SessionState state) {
            return new Before(state.taken(), state.activeMs());
        }
    }

    private SessionLookup(SessionKey key, SessionState state, OptionalLong retiredAt, Optional<SessionState> replaced) {
        this(key, state, retiredAt, replaced, Before.of(state));
    }

    /** Finds it: a session that was closed starts anew at 1, but what comes again belongs where it was. */
    public static SessionLookup of(SessionStore store, SessionKey key, long sequence, Incoming record) {
        Optional<SessionState> stored = store.session(key);
        if (record.isRedelivered()) {
            return ofRedelivered(store, key, stored, record.originOffset());
        }
        if (stored.isPresent() && !(stored.get().isClosed() && sequence == 1)) {
            return current(key, stored.get());
        }
        return new SessionLookup(key, SessionState.startedAt(record.offset()), OptionalLong.empty(), stored);
    }

    private static SessionLookup ofRedelivered(
            SessionStore store, SessionKey key, Optional<SessionState> stored, long origin) {
        if (stored.filter(session -> origin >= session.incarnation()).isPresent()) {
            return current(key, stored.get());
        }
        Optional<RetiredSession> earlier = store.retiredSession(key, origin);
        if (earlier.isPresent()) {
            return new SessionLookup(
                    key, earlier.get().state(), OptionalLong.of(earlier.get().endOffset()), Optional.empty());
        }
        if (stored.isEmpty()) {
            return current(key, SessionState.startedAt(origin));
        }
        // An incarnation of which nothing is open is not kept: a closed one stands for it.
        SessionState gone = SessionState.startedAt(origin);
        gone.close();
        return new SessionLookup(key, gone, OptionalLong.of(origin), Optional.empty());
    }

    private static SessionLookup current(SessionKey key, SessionState state) {
        return new SessionLookup(key, state, OptionalLong.empty(), Optional.empty());
    }

    /** True for an earlier incarnation. */
    public boolean isRetired() {
        return retiredAt.isPresent();
    }

    /** Writes the state back; numbers that the replaced incarnation left open stay open beside it. */
    public void store(SessionStore store) {
        if (isRetired()) {
            store.putRetiredSession(key, new RetiredSession(state, retiredAt.getAsLong()));
            return;
        }
        replaced.ifPresent(before -> {
            state.replace(before);
            if (!before.open().isEmpty()) {
                store.putRetiredSession(key, new RetiredSession(before, state.incarnation()));
            }
        });
        store.putSession(key, state);
    }
}
