package io.engram.schemas;

import java.util.List;
import java.util.Optional;

/**
 * One priority's queue of observations: one Kafka topic each, capacity and urgency of its own.
 *
 * <p>Ordered from the most to the least urgent.
 */
public enum Lane {
    HIGH("high"),
    NORMAL("normal"),
    LOW("low");

    /** All lanes, most urgent first; unlike {@link #values()} it allocates nothing. */
    public static final List<Lane> ALL = List.of(values());

    private final String label;

    Lane(String label) {
        this.label = label;
    }

    /** The lane's name in topics, metrics, keys and JSON: {@code high}, {@code normal} or {@code low}. */
    public String label() {
        return label;
    }

    /** The lane of that {@link #label()}, or empty when there is none. */
    public static Optional<Lane> ofLabel(String label) {
        return ALL.stream().filter(lane -> lane.label.equals(label)).findFirst();
    }
}
