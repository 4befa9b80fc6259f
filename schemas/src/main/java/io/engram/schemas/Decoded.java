package io.engram.schemas;

import java.util.Optional;

/** What decoding a record's value came to. */
public sealed interface Decoded {
    /** The value keeps the wire contract. */
    record Valid(Observation observation) implements Decoded {
        @Override
        public Optional<SessionPosition> position() {
            return observation.position();
        }
    }

    /**
     * The value breaks the wire contract.
     *
     * @param field the field at fault, {@code value} for the whole
     * @param detail one sentence: field, bad value, fix
     * @param position its place in a session, when the value is JSON and names one
     */
    record Malformed(String field, String detail, Optional<SessionPosition> position) implements Decoded {}

    /** Its place in a session, as far as it is known; empty for an observation without a session. */
    Optional<SessionPosition> position();
}
