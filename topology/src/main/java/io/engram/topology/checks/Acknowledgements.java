package io.engram.topology.checks;

import io.engram.schemas.SessionProgress;
import io.engram.topology.store.SessionKey;
import io.engram.topology.store.SessionState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;

/**
 * Which sessions of a partition are due an acknowledgement. A session's state is noted once per tick, together with the
 * source offset that it reflects, and acknowledged when everything up to that offset is indexed. The record that says so
 * goes out in a transaction no earlier than the one it speaks of. Belongs to the stream thread.
 */
final class Acknowledgements {
    /** The progress of one session, ready to be sent. */
    record Due(SessionKey session, SessionProgress progress) {}

    private record Point(long offset, long next, List<List<Long>> openRanges, boolean closed) {}

    private static final class Pending {
        SessionState state;
        long touchedAt = UNTOUCHED;
        final ArrayDeque<Point> points = new ArrayDeque<>();

        Pending(SessionState state) {
            this.state = state;
        }
    }

    /** Points kept while the index lags behind. */
    private static final int MAX_POINTS = 16;

    private static final long UNTOUCHED = Long.MIN_VALUE;
    private static final long ALREADY_INDEXED = -1;

    private final int partition;
    private final Map<SessionKey, Pending> pending = new LinkedHashMap<>();

    Acknowledgements(int partition) {
        this.partition = partition;
    }

    /** A record at that source offset changed the session, or asked for its progress again. */
    void touch(SessionKey session, SessionState state, long offset) {
        Pending touched = pending.computeIfAbsent(session, key -> new Pending(state));
        touched.state = state;
        touched.touchedAt = offset;
    }

    /** A session as the task found it in its store; everything of it is indexed. */
    void found(SessionKey session, SessionState state) {
        if (!pending.containsKey(session)) {
            touch(session, state, ALREADY_INDEXED);
        }
    }

    /** Time changed the session, and no record did. */
    void changed(SessionKey session, SessionState state) {
        Pending known = pending.get(session);
        if (known == null) {
            touch(session, state, ALREADY_INDEXED);
        } else {
            known.state = state;
            if (known.touchedAt == UNTOUCHED) {
                // Sealed already: the change is told together with the last record before it.
                known.touchedAt = known.points.getLast().offset();
            }
        }
    }

    /** True when something of the session is still to be acknowledged. */
    boolean awaits(SessionKey session) {
        return pending.containsKey(session);
    }

    /** The sessions of which something is still to be acknowledged. */
    Set<SessionKey> waiting() {
        return Set.copyOf(pending.keySet());
    }

    /**
     * The sessions whose progress can be acknowledged, each at most once.
     *
     * @param watermark by session's lane: everything up to that source offset is indexed
     */
    List<Due> due(ToLongFunction<SessionKey> watermark, long nowMs) {
        List<Due> due = new ArrayList<>();
        Iterator<Map.Entry<SessionKey, Pending>> entries = pending.entrySet().iterator();
        while (entries.hasNext()) {
            Map.Entry<SessionKey, Pending> entry = entries.next();
            Pending session = entry.getValue();
            seal(session);
            long indexed = watermark.applyAsLong(entry.getKey());
            Point reached = null;
            while (!session.points.isEmpty() && session.points.peekFirst().offset() <= indexed) {
                reached = session.points.pollFirst();
            }
            if (reached != null) {
                due.add(new Due(entry.getKey(), progress(entry.getKey(), reached, indexed, nowMs)));
            }
            if (session.points.isEmpty()) {
                entries.remove();
            }
        }
        return due;
    }

    private static void seal(Pending session) {
        if (session.touchedAt == UNTOUCHED) {
            return;
        }
        SessionState state = session.state;
        if (session.points.size() >= MAX_POINTS) {
            session.points.pollLast(); // the new point says more, only later
        }
        session.points.addLast(
                new Point(session.touchedAt, state.next(), state.open().toList(), state.isClosed()));
        session.touchedAt = UNTOUCHED;
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
