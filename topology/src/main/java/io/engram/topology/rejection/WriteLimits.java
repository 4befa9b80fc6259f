package io.engram.topology.rejection;

/**
 * How large the records of the topic of rejections may be. It is known when the topics were looked at, and changes when
 * somebody changes them. Thread-safe.
 */
public final class WriteLimits {
    /** Less than this cannot carry a rejection's own headers and what is kept of the record. */
    public static final int MIN_REJECTION_BYTES = 32 << 10;

    /** What a rejection adds to a record at most. */
    public static final int OWN_HEADERS_BYTES = 8 << 10;

    private static final int DEFAULT_BYTES = 8 << 20;

    private record Bytes(int rejection, int whole) {}

    private volatile Bytes limits = new Bytes(margin(DEFAULT_BYTES), margin(DEFAULT_BYTES));

    /**
     * Takes over what the topics, the broker and the producers allow.
     *
     * @param rejectionBytes of a record of the topic of rejections, {@value #MIN_REJECTION_BYTES} or more
     * @param laneBytes of a record that is written back to a lane
     */
    public void set(int rejectionBytes, int laneBytes) {
        int rejection = Math.max(MIN_REJECTION_BYTES, margin(rejectionBytes));
        limits = new Bytes(rejection, Math.min(rejection, margin(laneBytes)));
    }

    /**
     * The broker refused a rejection of this size, although it is within the limit: the topic was changed a moment ago.
     * Until the next look at it, everything of half that size is cut.
     */
    public void refused(long bytes) {
        int less = (int) Math.max(MIN_REJECTION_BYTES, Math.min(bytes, limits.rejection()) / 2);
        limits = new Bytes(less, Math.min(less, limits.whole()));
    }

    /** A broker may compress anew what does not compress, and then it is a little larger than before. */
    private static int margin(int bytes) {
        return bytes - bytes / 128;
    }

    /** The most bytes that a rejection may have; what is larger is cut. */
    public int rejectionBytes() {
        return limits.rejection();
    }

    /** The most bytes that a record may have, {@link #OWN_HEADERS_BYTES} included, to be shed and to come back whole. */
    public int wholeBytes() {
        return limits.whole();
    }
}
