package io.engram.benchmarks.endtoend;

import java.util.ArrayList;
import java.util.List;

/**
 * How far one load was at which time. What is measured of it begins when a fifth is indexed: before that the load grows, and
 * a load generator that has just started takes the processors for itself.
 */
final class Course {
    private static final double SUSTAINED_FROM = 0.2;
    // Behind it there is none left to send.
    private static final double SUSTAINED_TO = 0.9;

    private final long from;
    private final int count;
    private final List<Sample> samples = new ArrayList<>();
    private boolean settled;
    private NativeHistogram latencyBefore = NativeHistogram.EMPTY;

    private record Sample(long nanos, long indexed) {}

    /** @param from observations that were indexed before */
    Course(long from, int count) {
        this.from = from;
        this.count = count;
    }

    long from() {
        return from;
    }

    int count() {
        return count;
    }

    long until() {
        return from + count;
    }

    private long at(double share) {
        return from + (long) (share * count);
    }

    /** True once: when so many are indexed that measuring begins. */
    boolean settles(long indexed) {
        return !settled && indexed >= at(SUSTAINED_FROM);
    }

    /** @param latency of all observations until now */
    void settled(NativeHistogram latency) {
        settled = true;
        latencyBefore = latency;
    }

    /** What is to be taken off the latency at the end. */
    NativeHistogram latencyBefore() {
        return latencyBefore;
    }

    void add(long nanos, long indexed) {
        samples.add(new Sample(nanos, indexed));
    }

    /** Indexed per second in the middle of the load. */
    double sustained() {
        Sample first = firstAtLeast(at(SUSTAINED_FROM));
        Sample last = firstAtLeast(at(SUSTAINED_TO));
        if (last.nanos == first.nanos) {
            throw new BenchmarkException("too short to measure; use a larger --count or --seconds");
        }
        return (last.indexed - first.indexed) * 1e9 / (last.nanos - first.nanos);
    }

    private Sample firstAtLeast(long indexed) {
        return samples.stream()
                .filter(sample -> sample.indexed >= indexed)
                .findFirst()
                .orElseThrow();
    }
}
