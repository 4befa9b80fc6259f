package io.engram.topology.admission;

/** A level with hysteresis: up at once, down one step at a time after a hold time below. Not thread-safe. */
final class LevelTracker {
    private static final long NOT_BELOW = -1;

    private final AdmissionConfig config;
    private BackpressureLevel level = BackpressureLevel.NORMAL;
    private long belowSince = NOT_BELOW;

    LevelTracker(AdmissionConfig config) {
        this.config = config;
    }

    /** Takes the pressure of this moment into account and returns the level. */
    BackpressureLevel update(double pressure, long nowMs) {
        BackpressureLevel raw = config.levelOf(pressure);
        if (raw.compareTo(level) >= 0) {
            level = raw;
            belowSince = NOT_BELOW;
        } else if (belowSince == NOT_BELOW || nowMs < belowSince) { // or the clock was set back
            belowSince = nowMs;
        } else if (nowMs - belowSince >= config.holdMs()) {
            level = level.oneBelow();
            belowSince = raw == level ? NOT_BELOW : nowMs;
        }
        return level;
    }

    BackpressureLevel level() {
        return level;
    }
}
