package io.engram.topology.checks;

import io.engram.topology.store.StoredMemory;
import java.util.Optional;

/** What the checks decided about an observation. */
sealed interface Verdict {
    /**
     * It is to be applied.
     *
     * @param id of the memory, given or made up
     * @param stored what is stored under it so far
     */
    record Accepted(String id, long digest, Optional<StoredMemory> stored) implements Verdict {}

    /** It is to be rejected, with that effect on its session. */
    record Rejected(RejectedRecord record, Session session, long digest) implements Verdict {
        static Rejected untouched(RejectedRecord record) {
            return new Rejected(record, Session.UNTOUCHED, 0);
        }
    }

    /** A redelivered record that has nothing to say any more: it is passed over, with that effect on its session. */
    record Dropped(Session session, long digest) implements Verdict {}

    /** What a rejection does to the session. */
    enum Session {
        /** Nothing. */
        UNTOUCHED,
        /** Its number is used up. */
        CONSUMES,
        /** Its number is passed when it is the expected one, and may be sent again. */
        LEAVES_OPEN
    }
}
