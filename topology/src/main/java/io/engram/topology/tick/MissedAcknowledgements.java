package io.engram.topology.tick;

import io.engram.schemas.Lane;
import io.engram.topology.format.AcknowledgedTimes;
import io.engram.topology.format.DueKind;
import io.engram.topology.progress.Acknowledgements;
import io.engram.topology.store.DueQueue;
import io.engram.topology.store.SessionStore;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds the sessions that may have missed an acknowledgement when the partition was left, which are those that were touched
 * since everything was acknowledged; and notes up to when everything is.
 *
 * <pre>
 * keys of {@link DueKind#idle}, by the lane's enqueue times
 *
 * ●●──●───●●─────●──┬─●──────┬──●●───●──●┐
 * acknowledged      │        T: up to here everything was acknowledged
 *                   │                    └ latest, when the task began
 *                   └ T - 10 s: a key may lag behind its session by so much
 *                   └──────── found ─────┘  {@value #FOUND_PER_TICK} a tick
 * </pre>
 *
 * Where T is not known, all that have a key are found. T stays as it is until all were found, and then is the time since
 * which the longest of those has waited that are not acknowledged. Belongs to the stream thread.
 */
final class MissedAcknowledgements {
    /** Sessions that one tick reads. */
    static final int FOUND_PER_TICK = 250;

    private final SessionStore sessions;
    private final Acknowledgements acknowledgements;
    private Optional<AcknowledgedTimes> times = Optional.empty();
    // Of lanes that are not read to their end; empty before the first look.
    private Optional<Map<Lane, Unread>> unread = Optional.empty();

    /**
     * Keys that are still to be read.
     *
     * @param after the last one that was read
     * @param fromMs time of the first, epoch ms
     * @param untilMs time of the last, epoch ms
     */
    private record Unread(Optional<DueQueue.Due> after, long fromMs, long untilMs) {}

    MissedAcknowledgements(SessionStore sessions, Acknowledgements acknowledgements) {
        this.sessions = sessions;
        this.acknowledgements = acknowledgements;
    }

    private AcknowledgedTimes times() {
        if (times.isEmpty()) {
            times = Optional.of(sessions.acknowledgedTimes());
        }
        return times.get();
    }

    /** Up to which enqueue time of the lane everything was acknowledged as far as it is noted, epoch ms; 0 while unknown. */
    long acknowledgedMs(Lane lane) {
        return times().of(lane).orElse(0);
    }

    /** Finds some of them; everything that was stored before is indexed. */
    void find() {
        Map<Lane, Unread> lanes = unread();
        int left = FOUND_PER_TICK;
        for (Lane lane : Lane.ALL) {
            if (lanes.containsKey(lane) && left > 0) {
                left -= find(lane, lanes.remove(lane), left);
            }
        }
    }

    /** What is touched from now on is acknowledged anyway, so the ends stay where they are. */
    private Map<Lane, Unread> unread() {
        if (unread.isEmpty()) {
            Map<Lane, Unread> lanes = new EnumMap<>(Lane.class);
            for (Lane lane : Lane.ALL) {
                long fromMs = Math.max(0, acknowledgedMs(lane) - SessionStore.IDLE_KEY_LAG_MS);
                sessions.latestIdleMs(lane)
                        .ifPresent(untilMs -> lanes.put(lane, new Unread(Optional.empty(), fromMs, untilMs)));
            }
            unread = Optional.of(lanes);
        }
        return unread.get();
    }

    /** Returns how many keys were read; puts back what is left. */
    private int find(Lane lane, Unread from, int max) {
        SessionStore.IdlePage page = sessions.idle(lane, from.after(), from.fromMs(), from.untilMs(), max);
        page.sessions().forEach(found -> acknowledgements.found(found.key(), found.state(), acknowledgedMs(lane)));
        if (page.read() == max) {
            unread().put(lane, new Unread(page.last(), from.fromMs(), from.untilMs()));
        }
        return page.read();
    }

    /**
     * Notes up to when everything is acknowledged, in the transaction of the acknowledgements that were sent last.
     *
     * @param processedMs latest enqueue time that was processed, of lanes from which something was; epoch ms
     */
    void note(Map<Lane, Long> processedMs) {
        if (unread.isEmpty() || !unread.get().isEmpty()) {
            return;
        }
        AcknowledgedTimes before = times();
        AcknowledgedTimes now = before;
        for (Map.Entry<Lane, Long> lane : processedMs.entrySet()) {
            OptionalLong waitingSinceMs = acknowledgements.waitingSinceMs(lane.getKey());
            now = now.with(
                    lane.getKey(), waitingSinceMs.orElse(Math.max(lane.getValue(), acknowledgedMs(lane.getKey()))));
        }
        if (!now.equals(before)) {
            times = Optional.of(now);
            sessions.putAcknowledgedTimes(now);
        }
    }
}
