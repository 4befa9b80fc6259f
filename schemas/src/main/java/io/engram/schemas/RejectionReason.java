package io.engram.schemas;

import java.util.List;
import java.util.Optional;

/** Why a record was not accepted; the value of {@link RejectionHeaders#REASON} and of the metric label {@code reason}. */
public enum RejectionReason {
    /** Its lane was overloaded; send it again after {@link RejectionHeaders#RETRY_AFTER_MS}. */
    OVER_CAPACITY("over_capacity"),
    /** A gap in the session's sequence, or a sequence number used again for something else. */
    INVALID_SEQUENCE("invalid_sequence"),
    /** The same change was accepted before; nothing is missing. */
    DUPLICATE("duplicate"),
    /** The record is malformed; {@link RejectionHeaders#DETAIL} names the field and the fix. */
    INVALID_OBSERVATION("invalid_observation"),
    /** An unexpected exception while processing this one record. */
    INTERNAL_ERROR("internal_error");

    /** All reasons, in the order of declaration. */
    public static final List<RejectionReason> ALL = List.of(values());

    private final String label;

    RejectionReason(String label) {
        this.label = label;
    }

    /** The reason's name on the wire and in metrics, e.g. {@code over_capacity}. */
    public String label() {
        return label;
    }

    /** The reason of that {@link #label()}, or empty when there is none. */
    public static Optional<RejectionReason> ofLabel(String label) {
        return ALL.stream().filter(reason -> reason.label.equals(label)).findFirst();
    }
}
