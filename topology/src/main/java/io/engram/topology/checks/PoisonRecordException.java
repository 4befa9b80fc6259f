package io.engram.topology.checks;

/**
 * One record could not be processed because of a defect, not because the state or the broker failed. Nothing of it was
 * applied, so that processing may go on behind it.
 */
public final class PoisonRecordException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient RejectedRecord.Source source;

    PoisonRecordException(Incoming record, RuntimeException cause) {
        super(
                "cannot process record " + record.offset() + " of " + record.topic() + "-" + record.partition() + ": "
                        + cause,
                cause);
        source = record.source();
    }

    /** Where its rejection says that it came from. */
    RejectedRecord.Source source() {
        return source;
    }
}
