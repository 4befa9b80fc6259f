package io.engram.app.query;

/** Nobody here can answer for that space right now; a moment later somebody may. */
public final class UnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public UnavailableException(String message) {
        super(message);
    }
}
