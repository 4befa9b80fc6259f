package io.engram.schemas;

/** A field of a message breaks the wire contract; the message reads "{field} {what is wrong and how to fix it}". */
public final class FieldException extends Exception {
    private final String field;

    FieldException(String field, String problem) {
        // No stack trace: malformed input is expected traffic, and this is its fast path.
        super(field + " " + problem, null, false, false);
        this.field = field;
    }

    /** The field at fault, {@code value} for the whole. */
    public String field() {
        return field;
    }
}
