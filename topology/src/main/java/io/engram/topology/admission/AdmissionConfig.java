package io.engram.topology.admission;

import io.engram.schemas.Lane;
import java.util.EnumMap;
import java.util.Map;

/**
 * When a lane counts as full, and what happens then.
 *
 * @param policy shed or wait
 * @param capacities records that each lane may hold across the cluster, 1 or more each
 * @param warning pressure from which a lane is {@code warning}; the three rise strictly within (0, 1]
 * @param critical pressure from which it is {@code critical}
 * @param overloaded pressure from which it is {@code overloaded}
 * @param holdMs a level falls by one step after the pressure was below it for this long, milliseconds
 * @param maxRetryAfterMs the longest wait that a shed record is told, milliseconds
 */
public record AdmissionConfig(
        Policy policy,
        Map<Lane, Long> capacities,
        double warning,
        double critical,
        double overloaded,
        long holdMs,
        long maxRetryAfterMs) {

    /** What happens to an observation while its lane is overloaded. */
    public enum Policy {
        /** It is rejected with a time to retry after. */
        REJECT,
        /** It is taken as ever: Kafka holds the queue. */
        BACKLOG
    }

    public static final AdmissionConfig DEFAULT = new AdmissionConfig(
            Policy.REJECT,
            Map.of(Lane.HIGH, 10_000L, Lane.NORMAL, 100_000L, Lane.LOW, 50_000L),
            0.50,
            0.80,
            0.95,
            5_000,
            300_000);

    public AdmissionConfig {
        capacities = Map.copyOf(new EnumMap<>(capacities));
        for (Lane lane : Lane.ALL) {
            if (capacities.getOrDefault(lane, 0L) < 1) {
                throw new IllegalArgumentException(
                        "capacity of lane " + lane.label() + " < 1: " + capacities.get(lane));
            }
        }
        if (!(0 < warning && warning < critical && critical < overloaded && overloaded <= 1)) {
            throw new IllegalArgumentException(
                    "thresholds must rise within (0, 1]: " + warning + ", " + critical + ", " + overloaded);
        }
        if (holdMs < 0) {
            throw new IllegalArgumentException("holdMs < 0: " + holdMs);
        }
    }

    public long capacity(Lane lane) {
        return capacities.get(lane);
    }

    /** The level of that pressure, without hysteresis. */
    public BackpressureLevel levelOf(double pressure) {
        if (pressure < warning) {
            return BackpressureLevel.NORMAL;
        }
        if (pressure < critical) {
            return BackpressureLevel.WARNING;
        }
        return pressure < overloaded ? BackpressureLevel.CRITICAL : BackpressureLevel.OVERLOADED;
    }
}
