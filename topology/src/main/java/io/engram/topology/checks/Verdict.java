package io.engram.topology.checks;

/** What the checks decided about an observation. */
sealed interface Verdict {
    /**
     * It is to be applied.
     *
     * @param id of the memory, given or made up
     */
    record Accepted(String id, long digest) implements Verdict {}

    /** It is to be rejected, with that effect on its session. */
    record Rejected(RejectedRecord record, Session session, long digest) implements Verdict {
        static Rejected untouched(RejectedRecord record) {
            return new Rejected(record, Session.UNTOUCHED, 0);
        }
    }

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
