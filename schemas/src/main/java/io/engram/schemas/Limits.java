package io.engram.schemas;

/** The sizes that the wire contract allows. */
public final class Limits {
    /** Bytes of a record's value. */
    public static final int MAX_VALUE_BYTES = 1 << 20;

    /** UTF-8 bytes of an id or a session. */
    public static final int MAX_ID_BYTES = 256;

    /** UTF-8 bytes of an id that was made up: session, lane, incarnation and sequence. */
    public static final int MAX_DEFAULT_ID_BYTES = MAX_ID_BYTES + 64;

    /** UTF-8 bytes of the content. */
    public static final int MAX_CONTENT_BYTES = 64 << 10;

    /** UTF-8 bytes of the metadata, written as compact JSON. */
    public static final int MAX_METADATA_BYTES = 16 << 10;

    /** Bytes of a record's headers: name and value of each, and {@value #HEADER_OVERHEAD_BYTES} more for each. */
    public static final int MAX_HEADER_BYTES = 64 << 10;

    /** What a header counts beside its name and value. */
    public static final int HEADER_OVERHEAD_BYTES = 10;

    public static final int MIN_DIMENSION = 2;
    public static final int MAX_DIMENSION = 4_096;

    private Limits() {}
}
