package io.engram.topology.progress;

import io.engram.schemas.Lane;
import io.engram.schemas.SessionProgress;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/**
 * Which sessions of a partition are due an acknowledgement. A session's state is noted once per tick, together with the
 * source offset that it reflects, and acknowledged when everything up to that offset is indexed. The record that says so
 * goes out in a transaction no earlier than the one it speaks of.
 *
 * <pre>
 * touched ── noted as a point, {@value #NOTED_PER_TICK} a tick ──→ waiting, by lane and offset ── indexed ──→ due
 * </pre>
 *
 * Only what is indexed is taken from the front of what waits, so a tick costs the same however many sessions wait. Belongs
 * to the stream thread.
 */
public final class Acknowledgements {
    /**
     * The progress of one session, ready to be sent.
     *
     * @param acknowledged the last number of it of the incarnation that is stored; 0 when that is closed, or a later one
     */
    public record Due(SessionKey session, SessionProgress progress, long acknowledged) {}

    private record Point(
            long offset, long sinceMs, long incarnation, long next, List<List<Long>> openRanges, boolean closed) {
        long acknowledged(SessionState now) {
            return now.incarnation() == incarnation ? Math.min(next - 1, now.taken()) : 0;
        }
    }

    private static final class Pending {
        final SessionKey key;
        SessionState state;
        long touchedAt = UNTOUCHED;
        long touchedSinceMs;
        final ArrayDeque<Point> points = new ArrayDeque<>();

        Pending(SessionKey key, SessionState state) {
            this.key = key;
            this.state = state;
        }

        /** Of the first point: what the session waits for. */
        long waitsFor() {
            return points.getFirst().offset();
        }
    }

    /** Sessions of a lane that one tick acknowledges at most. */
    static final int DUE_PER_TICK = 1_000;

    private static final long LANE_NANOS = TimeUnit.MILLISECONDS.toNanos(4);

    /** Sessions whose state one tick notes. */
    static final int NOTED_PER_TICK = 3_000;

    /** Points kept while the index lags behind. */
    private static final int MAX_POINTS = 16;

    private static final long UNTOUCHED = Long.MIN_VALUE;
    private static final long ALREADY_INDEXED = -1;

    private final int partition;
    private final LongSupplier nanoTime;
    private final Map<SessionKey, Pending> pending = new HashMap<>();
    // Those with touchedAt, each once, in the order in which they were touched first.
    private final ArrayDeque<Pending> touched = new ArrayDeque<>();
    // Those with points, each once. The first point of a session never changes while it waits.
    private final Map<Lane, PriorityQueue<Pending>> waiting = new EnumMap<>(Lane.class);

    // How many points, and touches that are not noted yet, wait since an enqueue time.
    private final Map<Lane, TreeMap<Long, Integer>> times = new EnumMap<>(Lane.class);

    /**
     * @param nanoTime as {@link System#nanoTime}
     */
    public Acknowledgements(int partition, LongSupplier nanoTime) {
        this.partition = partition;
        this.nanoTime = nanoTime;
    }

    /**
     * A record at that source offset changed the session, or asked for its progress again.
     *
     * @param laneMs enqueue time that the lane has reached, epoch ms
     */
    public void touch(SessionKey session, SessionState state, long offset, long laneMs) {
        Pending known = pending.computeIfAbsent(session, key -> new Pending(key, state));
        known.state = state;
        touch(known, offset, laneMs);
    }

    private void touch(Pending session, long offset, long laneMs) {
        if (session.touchedAt == UNTOUCHED) {
            touched.addLast(session);
            session.touchedSinceMs = laneMs;
            times(session).merge(laneMs, 1, Integer::sum);
        }
        session.touchedAt = offset;
    }

    /**
     * A session as the task found it in its store; everything of it is indexed.
     *
     * @param sinceMs since when it may wait for an acknowledgement, by the enqueue times of its lane; epoch ms
     */
    public void found(SessionKey session, SessionState state, long sinceMs) {
        if (!pending.containsKey(session)) {
            touch(session, state, ALREADY_INDEXED, sinceMs);
        }
    }

    /**
     * Time changed the session, and no record did.
     *
     * @param laneMs as with {@link #touch}
     */
    public void changed(SessionKey session, SessionState state, long laneMs) {
        Pending known = pending.get(session);
        if (known == null) {
            touch(session, state, ALREADY_INDEXED, laneMs);
        } else {
            known.state = state;
            if (known.touchedAt == UNTOUCHED) {
                // Sealed already: the change is told together with the last record before it.
                touch(known, known.points.getLast().offset(), laneMs);
            }
        }
    }

    /**
     * Since when the longest of those waits that wait for an acknowledgement, by the enqueue times of the lane, epoch ms: what
     * was touched before is acknowledged. Empty when none waits.
     */
    public OptionalLong waitingSinceMs(Lane lane) {
        TreeMap<Long, Integer> since = times.get(lane);
        return since == null || since.isEmpty() ? OptionalLong.empty() : OptionalLong.of(since.firstKey());
    }

    private TreeMap<Long, Integer> times(Pending session) {
        return times.computeIfAbsent(session.key.lane(), lane -> new TreeMap<>());
    }

    private void told(Pending session, long sinceMs) {
        times(session).computeIfPresent(sinceMs, (ms, count) -> count == 1 ? null : count - 1);
    }

    /** True when something of the session is still to be acknowledged. */
    public boolean awaits(SessionKey session) {
        return pending.containsKey(session);
    }

    /**
     * Hands out the sessions whose progress can be acknowledged, each at most once; the others in the next ticks. Of a lane
     * there are up to {@value #DUE_PER_TICK}, as many as are taken within a few milliseconds, and one at least.
     *
     * @param watermark by lane: everything up to that source offset is indexed
     * @param each takes one at a time, and changes nothing here
     */
    public void due(ToLongFunction<Lane> watermark, long nowMs, Consumer<Due> each) {
        noteTouched();
        waiting.forEach((lane, sessions) -> {
            long indexed = watermark.applyAsLong(lane);
            long deadline = nanoTime.getAsLong() + LANE_NANOS;
            for (int i = 0; i < DUE_PER_TICK && !sessions.isEmpty(); i++) {
                if (sessions.peek().waitsFor() > indexed) {
                    break;
                }
                each.accept(acknowledge(sessions, indexed, nowMs));
                // Asked afterwards: on a machine so slow that one takes all the time, there is some progress still.
                if (nanoTime.getAsLong() - deadline >= 0) {
                    break;
                }
            }
        });
    }

    /** Takes what is indexed from the first session of those that wait. */
    private Due acknowledge(PriorityQueue<Pending> sessions, long indexed, long nowMs) {
        Pending session = sessions.remove();
        Point reached = take(session);
        while (!session.points.isEmpty() && session.waitsFor() <= indexed) {
            reached = take(session);
        }
        if (!session.points.isEmpty()) {
            sessions.add(session);
        } else if (session.touchedAt == UNTOUCHED) {
            pending.remove(session.key);
        }
        return new Due(
                session.key, progress(session.key, reached, indexed, nowMs), reached.acknowledged(session.state));
    }

    private Point take(Pending session) {
        Point point = session.points.removeFirst();
        told(session, point.sinceMs());
        return point;
    }

    private void noteTouched() {
        for (int i = 0; i < NOTED_PER_TICK && !touched.isEmpty(); i++) {
            note(touched.removeFirst());
        }
    }

    private void note(Pending session) {
        SessionState state = session.state;
        long sinceMs = session.touchedSinceMs;
        if (session.points.size() >= MAX_POINTS) {
            told(session, sinceMs);
            sinceMs = session.points.removeLast().sinceMs(); // the new point says more, only later
        }
        session.points.addLast(new Point(
                session.touchedAt,
                sinceMs,
                state.incarnation(),
                state.next(),
                state.open().toList(),
                state.isClosed()));
        session.touchedAt = UNTOUCHED;
        if (session.points.size() == 1) {
            waiting.computeIfAbsent(
                            session.key.lane(),
                            lane -> new PriorityQueue<>(Comparator.comparingLong(Pending::waitsFor)))
                    .add(session);
        }
    }

    private SessionProgress progress(SessionKey session, Point point, long indexed, long nowMs) {
        return new SessionProgress(
                point.next() - 1,
                point.closed() ? 1 : point.next(),
                point.openRanges(),
                point.closed() ? "closed" : "open",
                Map.of(session.lane().label() + "-" + partition, indexed),
                nowMs);
    }
}
