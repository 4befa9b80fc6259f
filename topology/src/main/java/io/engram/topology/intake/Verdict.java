package io.engram.topology.intake;

import io.engram.topology.format.StoredMemory;
import io.engram.topology.rejection.RejectedRecord;
import java.util.Optional;

/** What the checks decided about an observation. */
public sealed interface Verdict {
    /** Of the memory that it speaks of, given or made up. */
    String id();

    /**
     * It is to be applied.
     *
     * @param stored what is stored under the id so far
     */
    record Accepted(String id, long digest, Optional<StoredMemory> stored) implements Verdict {}

    /** It is to be rejected, with that effect on its session, if it has one. */
    record Rejected(String id, RejectedRecord record, Session session, long digest) implements Verdict {
        static Rejected untouched(String id, RejectedRecord record) {
            return new Rejected(id, record, Session.UNTOUCHED, 0);
        }
    }

    /** A redelivered record that has nothing to say any more: it is passed over, with that effect on its session. */
    record Dropped(String id, Session session, long digest) implements Verdict {}

    /** What a rejection does to the session. */
    enum Session {
        /** Nothing. */
        UNTOUCHED,
        /** Its number is used up, for what it says is stored. */
        CONSUMES,
        /** Its number is passed when it is the expected one, and may be sent again. */
        LEAVES_OPEN
    }
}
