package io.engram.app.errors;

/** The instance cannot start, for a reason that its message explains to the user; no stack trace is needed. */
public final class StartupException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public StartupException(String message) {
        super(message);
    }

    public StartupException(String message, Throwable cause) {
        super(message, cause);
    }
}
