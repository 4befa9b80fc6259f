package io.engram.topology.admission;

import java.util.concurrent.atomic.LongAdder;

/** Records indexed per second, as a moving average. {@link #count} is thread-safe; the rate is sampled by one thread at a time. */
public final class DrainRate {
    private static final double MIN_WINDOW_SECONDS = 0.5;
    private static final double WEIGHT = 0.3;

    private final LongAdder counted = new LongAdder();
    private long lastCount;
    private long lastMs;
    private double perSecond;

    /** So many more were indexed. */
    public void count(long records) {
        counted.add(records);
    }

    /** Records per second; 0 before anything was indexed. */
    public synchronized double perSecond(long nowMs) {
        if (lastMs == 0 || nowMs < lastMs) { // or the clock was set back
            lastMs = nowMs;
        }
        double seconds = (nowMs - lastMs) / 1_000.0;
        if (seconds >= MIN_WINDOW_SECONDS) {
            long count = counted.sum();
            double current = (count - lastCount) / seconds;
            perSecond = perSecond == 0 ? current : perSecond + WEIGHT * (current - perSecond);
            lastCount = count;
            lastMs = nowMs;
        }
        return perSecond;
    }
}
