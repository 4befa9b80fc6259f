package io.engram.schemas;

import java.util.List;
import java.util.Optional;

/** What a record on a lane asks for. As a record of a session, every operation takes one of its sequence numbers. */
public enum Operation {
    /** Remember; an observation with a known id replaces that memory. */
    OBSERVE("observe"),
    /** Forget the memory of an id. */
    FORGET("forget"),
    /** End the session; its id may start again at sequence 1. */
    CLOSE("close"),
    /** Change the settings of the memory space. */
    CONFIGURE("configure"),
    /** Forget the whole memory space. */
    DROP("drop");

    private static final List<Operation> ALL = List.of(values());

    private final String label;

    Operation(String label) {
        this.label = label;
    }

    /** The operation's name on the wire, e.g. {@code observe}. */
    public String label() {
        return label;
    }

    /** The operation of that {@link #label()}, or empty when there is none. */
    public static Optional<Operation> ofLabel(String label) {
        return ALL.stream().filter(operation -> operation.label.equals(label)).findFirst();
    }
}
