package io.engram.topology.admission;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How full a lane is; the ordinal is the value of the metric {@code backpressure_state}. */
public enum BackpressureLevel {
    NORMAL,
    WARNING,
    CRITICAL,
    OVERLOADED;

    /** All levels, least first; unlike {@link #values()} it allocates nothing. */
    public static final List<BackpressureLevel> ALL = List.of(values());

    private final String label = name().toLowerCase(Locale.ROOT);

    /** The level's name in metrics and JSON, e.g. {@code overloaded}. */
    public String label() {
        return label;
    }

    /** The level of that {@link #label()}, or empty when there is none. */
    public static Optional<BackpressureLevel> ofLabel(String label) {
        return ALL.stream().filter(level -> level.label.equals(label)).findFirst();
    }

    /** The worse of the two. */
    public BackpressureLevel or(BackpressureLevel that) {
        return compareTo(that) >= 0 ? this : that;
    }

    BackpressureLevel oneBelow() {
        return this == NORMAL ? NORMAL : ALL.get(ordinal() - 1);
    }
}
