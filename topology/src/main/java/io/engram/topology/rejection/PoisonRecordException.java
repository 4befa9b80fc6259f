package io.engram.topology.rejection;

/**
 * One record could not be processed because of a defect, not because the state or the broker failed. Nothing of it was
 * applied, so that processing may go on behind it.
 */
public final class PoisonRecordException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient RejectedRecord.Source source;

    /**
     * @param offset of the record
     * @param source where its rejection says that it came from
     */
    public PoisonRecordException(long offset, RejectedRecord.Source source, RuntimeException cause) {
        super(
                "cannot process record " + offset + " of " + source.topic() + "-" + source.partition() + ": " + cause,
                cause);
        this.source = source;
    }

    /** Where its rejection says that it came from. */
    RejectedRecord.Source source() {
        return source;
    }
}
