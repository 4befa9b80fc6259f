package io.engram.app.state;

import java.util.Optional;

/** Believes that a topic is gone only when several looks in a row say so. Not thread-safe. */
final class LooksInARow {
    /** One broker may answer from metadata that is not the latest. */
    private static final int NEEDED = 3;

    private final String followed;
    private int otherwise;

    /**
     * @param followed the id of the topic as it should be
     */
    LooksInARow(String followed) {
        this.followed = followed;
    }

    /**
     * Takes what one look found; a look without an answer is none.
     *
     * @param id of the topic, empty when it was not there
     * @return what is wrong, once this is certain
     */
    Optional<String> found(Optional<String> id) {
        otherwise = id.equals(Optional.of(followed)) ? 0 : otherwise + 1;
        return otherwise < NEEDED
                ? Optional.empty()
                : Optional.of(id.isEmpty() ? "is not there any more" : "was deleted and made again");
    }
}
