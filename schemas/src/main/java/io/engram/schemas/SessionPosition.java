package io.engram.schemas;

import java.util.Objects;

/**
 * A record's place in a session.
 *
 * @param session the producer's ordered stream, 1 to {@value Limits#MAX_ID_BYTES} bytes
 * @param sequence 1, 2, 3, … within the session
 */
public record SessionPosition(String session, long sequence) {
    public SessionPosition {
        Objects.requireNonNull(session, "session");
    }
}
