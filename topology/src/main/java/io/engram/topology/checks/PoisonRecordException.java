package io.engram.topology.checks;

/**
 * One record could not be processed because of a defect, not because the state or the broker failed. Nothing of it was
 * applied, so that processing may go on behind it.
 */
public final class PoisonRecordException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PoisonRecordException(String topic, int partition, long offset, RuntimeException cause) {
        super("cannot process record " + offset + " of " + topic + "-" + partition + ": " + cause, cause);
    }
}
