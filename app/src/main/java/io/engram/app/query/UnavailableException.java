package io.engram.app.query;

/** Nobody here can answer for that space right now; a moment later somebody may. */
public class UnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public UnavailableException(String message) {
        super(message);
    }

    /** A standby does not know what was asked for. Only the active copy can say that it is not there. */
    public static final class NotKnownException extends UnavailableException {
        private static final long serialVersionUID = 1L;

        NotKnownException() {
            super("a standby does not know it, and may be a moment behind");
        }
    }
}
