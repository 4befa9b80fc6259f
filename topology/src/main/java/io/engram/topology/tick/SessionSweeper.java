package io.engram.topology.tick;

import io.engram.schemas.Lane;
import io.engram.topology.format.DueKind;
import io.engram.topology.format.SessionKey;
import io.engram.topology.store.DueQueue;
import io.engram.topology.store.SessionStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Forgets sessions that were without activity for the retention time, by the enqueue times of their lane so that a backlog
 * ages nothing, and numbers that were open for too long, by the broker's time. What is due first goes first, a little each
 * tick, and nothing is read while nothing is due. Belongs to the stream thread.
 */
final class SessionSweeper {
    /** Sessions that one tick looks at. */
    static final int STEP = 500;

    /** Of one kind, before it is another's turn. */
    private static final int TURN = 50;

    private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

    private final SessionStore store;
    private final long retentionMs;
    private final long openMs;
    private final LongSupplier nanoTime;

    /**
     * @param sessions how long sessions and their open numbers are kept
     * @param nanoTime as {@link System#nanoTime}
     */
    SessionSweeper(SessionStore store, SessionConfig sessions, LongSupplier nanoTime) {
        this.store = store;
        this.nanoTime = nanoTime;
        this.retentionMs = sessions.retentionMs();
        this.openMs = sessions.openMs();
    }

    /**
     * What became of sessions.
     *
     * @param purged are deleted
     * @param changed lost open numbers
     */
    record Swept(List<SessionKey> purged, List<SessionStore.StoredSession> changed) {}

    /** One tick's work: what time it is, and how much is left to do. */
    private static final class Step {
        private final LongSupplier nanoTime;
        private final Map<Lane, Long> laneMs;
        private final long brokerMs;
        private final Swept swept = new Swept(new ArrayList<>(), new ArrayList<>());
        private final long deadlineNanos;
        private int left = STEP;

        Step(LongSupplier nanoTime, Map<Lane, Long> laneMs, long brokerMs) {
            this.nanoTime = nanoTime;
            this.deadlineNanos = nanoTime.getAsLong() + STEP_NANOS;
            this.laneMs = laneMs;
            this.brokerMs = brokerMs;
        }

        boolean hasTime() {
            return left > 0 && nanoTime.getAsLong() - deadlineNanos < 0;
        }
    }

    /**
     * Looks at what is due, for a few milliseconds.
     *
     * @param laneMs latest enqueue time that was processed, of lanes from which something was; epoch ms
     * @param brokerMs the broker's time, as far as it is known here; epoch ms
     */
    Swept sweep(Map<Lane, Long> laneMs, long brokerMs) {
        Step step = new Step(nanoTime, laneMs, brokerMs);
        boolean more = true;
        while (more) {
            more = false;
            for (DueKind kind : DueKind.OF_SESSIONS) {
                more |= serve(kind, step);
            }
        }
        return step.swept;
    }

    /** Returns true when there may be more to do, and there is time for it. */
    private boolean serve(DueKind kind, Step step) {
        Optional<Long> until = until(kind, step);
        if (until.isEmpty() || step.left == 0) {
            return false;
        }
        List<DueQueue.Due> due = store.due(kind, until.get(), Math.min(TURN, step.left));
        for (DueQueue.Due next : due) {
            step.left--;
            serve(kind, next, step);
            // Asked afterwards: on a machine so slow that reading takes all the time, there is some progress still.
            if (!step.hasTime()) {
                return false;
            }
        }
        return due.size() == TURN;
    }

    /** What is due until then; empty while nothing is known of the kind's clock. */
    private Optional<Long> until(DueKind kind, Step step) {
        return kind.isOpen()
                ? Optional.of(step.brokerMs - openMs - 1)
                : kind.lane().map(step.laneMs::get).map(ms -> ms - retentionMs - 1);
    }

    private void serve(DueKind kind, DueQueue.Due due, Step step) {
        if (kind == DueKind.RETIRED) {
            store.expireRetired(due, step.brokerMs - openMs);
            return;
        }
        store.taken(kind, due).ifPresent(session -> {
            if (kind == DueKind.OPEN) {
                expireOpen(session, step);
            } else {
                idle(session, step);
            }
        });
    }

    private void expireOpen(SessionStore.StoredSession session, Step step) {
        boolean expired = session.state().expireOpen(step.brokerMs - openMs);
        if (isIdle(session, step)) {
            purge(session, step);
            return;
        }
        store.putSession(session.key(), session.state());
        if (expired) {
            step.swept.changed().add(session);
        }
    }

    private void idle(SessionStore.StoredSession session, Step step) {
        if (isIdle(session, step)) {
            purge(session, step);
        } else if (isOld(session, step)) {
            // It goes when its open numbers expire. Should they be taken instead, it is looked at again.
            store.putSession(
                    session.key(),
                    session.state(),
                    step.laneMs.get(session.key().lane()));
        } else {
            store.putSession(session.key(), session.state());
        }
    }

    private boolean isIdle(SessionStore.StoredSession session, Step step) {
        return isOld(session, step) && session.state().open().isEmpty();
    }

    private boolean isOld(SessionStore.StoredSession session, Step step) {
        return Optional.ofNullable(step.laneMs.get(session.key().lane()))
                .filter(ms -> ms - session.state().lastActivityMs() > retentionMs)
                .isPresent();
    }

    private void purge(SessionStore.StoredSession session, Step step) {
        store.deleteSession(session.key(), session.state());
        step.swept.purged().add(session.key());
    }
}
