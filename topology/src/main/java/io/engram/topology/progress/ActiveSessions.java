package io.engram.topology.progress;

import io.engram.topology.admission.LaneDepths.LanePartition;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * How many sessions sent something lately, on this instance. No session is remembered: the sessions of a lane's partition are
 * counted by the time of their last activity, in slices of a thirtieth of the idle time.
 *
 * <pre>
 *            ├──────────── idle time ────────────┤
 * │ 3 │ 0 │ 7 │ 1 │ 0 │ 4 │ … │ 2 │ 9 │ 5 │
 *                               └──────→┘ +1      └ reference: now, or how far a lane that lags has come
 *                               a session sends something
 * </pre>
 *
 * Thread-safe.
 */
public final class ActiveSessions {
    private static final int SLICES_PER_IDLE_TIME = 30;

    /** Those that the idle time touches, and one more: what was counted before the reference moves on. */
    private static final int SLICES = SLICES_PER_IDLE_TIME + 2;

    private final long idleMs;
    private final long sliceMs;
    private final Map<LanePartition, Window> windows = new ConcurrentHashMap<>();

    /**
     * @param idleMs a session counts for this long after its last record, exact to a thirtieth of it; 1 or more
     */
    public ActiveSessions(long idleMs) {
        this.idleMs = idleMs;
        this.sliceMs = (idleMs + SLICES_PER_IDLE_TIME - 1) / SLICES_PER_IDLE_TIME;
    }

    /** Starts to count the sessions of a lane's partition, of which none counts yet. */
    public Window open(LanePartition partition) {
        Window window = new Window();
        windows.put(partition, window);
        return window;
    }

    /** Stops to count them, unless another window was opened for the partition meanwhile. */
    public void close(LanePartition partition, Window window) {
        windows.remove(partition, window);
    }

    /** Sessions with activity within the idle time, over all windows. */
    public long count() {
        return windows.values().stream().mapToLong(Window::count).sum();
    }

    /** The sessions of one lane's partition; times are epoch ms, by the lane's enqueue times. Thread-safe. */
    public final class Window {
        // Slot i has the latest slice whose number is i modulo the number of slots.
        private final long[] slices = new long[SLICES];
        private final long[] counts = new long[SLICES];
        private long countsFromMs = Long.MAX_VALUE;
        private long referenceMs;

        private Window() {}

        /**
         * The last activity of a session moved.
         *
         * @param beforeMs when it was active before; 0 for none: it is new, or began anew
         * @param afterMs when it is active now; 0 when it was closed
         */
        public synchronized void moved(long beforeMs, long afterMs) {
            // A session that was active before anything was counted was not counted either.
            if (beforeMs > 0 && beforeMs >= countsFromMs) {
                add(beforeMs, -1);
            }
            if (afterMs > 0) {
                countsFromMs = Math.min(countsFromMs, afterMs);
                add(afterMs, 1);
            }
        }

        /** The idle time ends here: the broker's time, or the enqueue time that a lane that lags behind has reached. */
        public synchronized void reference(long nowMs) {
            referenceMs = nowMs;
        }

        private void add(long atMs, int sessions) {
            long slice = atMs / sliceMs;
            int slot = (int) (slice % SLICES);
            if (slices[slot] < slice) {
                slices[slot] = slice;
                counts[slot] = 0;
            }
            if (slices[slot] == slice) {
                counts[slot] = Math.max(0, counts[slot] + sessions);
            }
        }

        private synchronized long count() {
            long first = (referenceMs - idleMs) / sliceMs;
            long count = 0;
            for (int slot = 0; slot < SLICES; slot++) {
                if (slices[slot] >= first) {
                    count += counts[slot];
                }
            }
            return count;
        }
    }
}
