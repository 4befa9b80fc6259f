package io.engram.topology.tick;

import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.JsonCodec;
import io.engram.schemas.Lane;
import io.engram.schemas.SessionProgress;
import io.engram.topology.EngramTopology;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.AdmissionControl;
import io.engram.topology.admission.BackpressureLevel;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.format.SessionKey;
import io.engram.topology.intake.DeferredOffsets;
import io.engram.topology.intake.SessionLookup;
import io.engram.topology.metrics.SpaceMetrics;
import io.engram.topology.progress.Acknowledgements;
import io.engram.topology.progress.ActiveSessions;
import io.engram.topology.progress.LanePositions;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.OwedSessions;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.SessionStore;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * What a partition does every few dozen milliseconds: measure its lanes, say so when a level changed, acknowledge
 * sessions, note what was reached, and clear away a little of what is old. Belongs to the stream thread.
 */
public final class PartitionTick {
    private static final long SWEEP_INTERVAL_MS = 1_000;

    private final ProcessorContext<byte[], byte[]> context;
    private final TopologyRuntime runtime;
    private final MemoryStore store;
    private final SessionStore sessions;
    private final AdmissionControl admission;
    private final Acknowledgements acknowledgements;
    private final OwedSessions owed;
    private final MissedAcknowledgements missed;
    private final Map<Lane, ActiveSessions.Window> active = new EnumMap<>(Lane.class);
    private final Sweeper sweeper;
    private final SessionSweeper sessionSweeper;
    private final SpaceRetention retention;
    private final DeferredOffsets deferred;
    private final Map<Lane, LaneProgress> lanes;
    private final int partition;
    private final Map<Lane, Long> processedEnqueueTimeMs = new EnumMap<>(Lane.class);
    private final Map<Lane, Long> statusSentAtMs = new EnumMap<>(Lane.class);
    private final PartitionSpaces spaces;
    private BackpressureLevel worst = BackpressureLevel.NORMAL;
    private final Set<Lane> arrivedOn = EnumSet.noneOf(Lane.class);
    private LanePositions storedPositions;
    private long sweptAtMs;

    public PartitionTick(
            ProcessorContext<byte[], byte[]> context,
            TopologyRuntime runtime,
            MemoryStore store,
            SessionStore sessions,
            AdmissionControl admission,
            Acknowledgements acknowledgements,
            Sweeper sweeper,
            SpaceRetention retention,
            DeferredOffsets deferred,
            Map<Lane, LaneProgress> lanes) {
        this.context = context;
        this.runtime = runtime;
        this.store = store;
        this.sessions = sessions;
        this.admission = admission;
        this.acknowledgements = acknowledgements;
        this.missed = new MissedAcknowledgements(sessions, acknowledgements);
        this.sweeper = sweeper;
        this.sessionSweeper = new SessionSweeper(sessions, runtime.config().sessions(), System::nanoTime);
        this.retention = retention;
        this.deferred = deferred;
        this.lanes = lanes;
        this.partition = context.taskId().partition();
        this.spaces = new PartitionSpaces(runtime.metrics(), partition, worst);
        this.storedPositions = store.positions();
        this.owed = store.view().owed();
        owed.clear(); // an earlier task of this process may have left something in the same store
        for (Lane lane : Lane.ALL) {
            active.put(lane, runtime.activeSessions().open(new LanePartition(lane, partition)));
        }
    }

    /** A record at that offset arrived; only the first of a lane can be one that was processed before. */
    public void arrived(Lane lane, long offset) {
        if (!arrivedOn.add(lane)) {
            return;
        }
        long processed = storedPositions.of(lane);
        if (offset <= processed) {
            runtime.readAgain().note(lane, partition, offset, processed);
            // The store no longer reaches further than what is read now.
            storedPositions = storedPositions.with(lane, offset - 1);
            store.putPositions(storedPositions);
        }
    }

    /** A record of the lane is being processed. */
    public void processed(Lane lane, long enqueuedAtMs) {
        processedEnqueueTimeMs.merge(lane, enqueuedAtMs, Math::max);
    }

    /** The broker's time, or an earlier one: never earlier than the latest record processed here; epoch ms, 0 before it. */
    public long brokerTimeMs() {
        long processed =
                processedEnqueueTimeMs.values().stream().max(Long::compare).orElse(0L);
        return Math.max(processed, runtime.brokerClock().nowMs().orElse(0));
    }

    /** The state of a session is about to be stored; it is {@link #touched} afterwards. */
    public void moves(SessionLookup session) {
        owed.owes(
                session.key(),
                Math.min(session.before().taken(), session.state().taken()));
        active.get(session.key().lane())
                .moved(session.before().activeMs(), session.state().activeMs());
    }

    /** A record at that offset concerned the session. */
    public void touched(SessionLookup session, long offset) {
        owed.owes(session.key(), session.before().taken());
        long laneMs = laneMs(session.key().lane());
        sessions.touched(session.key(), session.state(), laneMs);
        acknowledgements.touch(session.key(), session.state(), offset, laneMs);
    }

    /** Enqueue time that the lane has reached, epoch ms: never earlier than what was acknowledged. */
    private long laneMs(Lane lane) {
        return Math.max(processedEnqueueTimeMs.getOrDefault(lane, 0L), missed.acknowledgedMs(lane));
    }

    /** The series under which a record of the space counts, which is traffic of a space in use. */
    public SpaceMetrics series(String space) {
        return spaces.of(space, () -> store.space(space).exists());
    }

    /** A space came into use. */
    public void spaceAppeared(String space) {
        spaces.of(space, () -> true);
    }

    /** A space was dropped: its series leave. */
    public void spaceDropped(String space) {
        spaces.dropped(space);
    }

    /**
     * Does a bounded piece of what is due.
     *
     * @param nowMs the time of this machine, epoch ms
     */
    public void run(long nowMs) {
        findMissed();
        measure(nowMs);
        referActiveSessions();
        acknowledge(nowMs);
        notePoint();
        sweepSessions(nowMs);
        sweeper.sweepDropped();
        retention.tick(runtime.brokerClock().nowMs());
        // The clock of the machine may be set back.
        if (Math.abs(nowMs - sweptAtMs) >= SWEEP_INTERVAL_MS) {
            sweptAtMs = nowMs;
            sweep();
        }
    }

    /** Sessions of the store get the acknowledgement that they may have missed. */
    private void findMissed() {
        if (store.view().index().isCaughtUp()) {
            missed.find();
        }
    }

    private void measure(long nowMs) {
        for (Lane lane : Lane.ALL) {
            boolean changed = admission.evaluate(lane, nowMs);
            BackpressureLevel level = admission.level(lane);
            BackpressureStatus status = admission.status(lane, nowMs);
            runtime.board().publish(new LanePartition(lane, partition), level, status);
            long sinceSent = Math.abs(nowMs - statusSentAtMs.getOrDefault(lane, 0L));
            boolean due = level != BackpressureLevel.NORMAL
                    && sinceSent >= runtime.config().statusIntervalMs();
            // The first status replaces what the partition's last owner said.
            boolean first = !statusSentAtMs.containsKey(lane);
            if (changed || due || first) {
                statusSentAtMs.put(lane, nowMs);
                send(
                        BackpressureStatus.key(lane, partition),
                        JsonCodec.encode(status),
                        nowMs,
                        EngramTopology.BACKPRESSURE_SINK);
            }
        }
        BackpressureLevel now = admission.worstLevel();
        if (now != worst) {
            worst = now;
            spaces.transition(worst);
        }
    }

    /** The idle time of sessions ends now, or with what was processed last of a lane that lags: its sessions have not gone. */
    private void referActiveSessions() {
        processedEnqueueTimeMs.forEach((lane, processedMs) -> {
            boolean drained = lanes.get(lane).depth().isDrained();
            active.get(lane).reference(drained ? runtime.brokerClock().nowMs().orElse(processedMs) : processedMs);
        });
    }

    private void acknowledge(long nowMs) {
        if (store.view().index().isCaughtUp()) {
            acknowledgements.due(this::watermark, nowMs, due -> acknowledge(due, nowMs));
        }
    }

    private void acknowledge(Acknowledgements.Due due, long nowMs) {
        SessionKey session = due.session();
        owed.acknowledge(session, due.acknowledged());
        if (!acknowledgements.awaits(session)) {
            owed.settled(session);
        }
        send(
                SessionProgress.key(session.space(), session.lane(), session.session()),
                JsonCodec.encode(due.progress()),
                nowMs,
                EngramTopology.SESSIONS_SINK);
    }

    private long watermark(Lane lane) {
        return lanes.get(lane).indexedOffset();
    }

    private void notePoint() {
        Map<Lane, Long> positions = new EnumMap<>(Lane.class);
        lanes.forEach((lane, progress) -> {
            progress.offsets().last().ifPresent(last -> positions.put(lane, last + 1));
        });
        store.view().commitPoints().note(store.generation(), positions);
        Map<Lane, Long> processed = new EnumMap<>(Lane.class);
        positions.forEach((lane, next) -> processed.put(lane, next - 1));
        LanePositions now = LanePositions.of(storedPositions, processed);
        if (!now.equals(storedPositions)) {
            storedPositions = now;
            store.putPositions(now); // whoever restores this store knows how far it reaches
            sessions.begin();
        }
        missed.note(processedEnqueueTimeMs);
    }

    private void sweepSessions(long nowMs) {
        // By a clock that is ahead everything would be old: while the broker's time is unknown nothing is deleted.
        runtime.brokerClock().nowMs().ifPresent(brokerMs -> {
            SessionSweeper.Swept swept = sessionSweeper.sweep(processedEnqueueTimeMs, brokerMs);
            for (SessionStore.StoredSession session : swept.changed()) {
                long laneMs = laneMs(session.key().lane());
                sessions.touched(session.key(), session.state(), laneMs);
                acknowledgements.changed(session.key(), session.state(), laneMs);
            }
            for (SessionKey session : swept.purged()) {
                owed.settled(session);
                String key = SessionProgress.key(session.space(), session.lane(), session.session());
                send(key, null, nowMs, EngramTopology.SESSIONS_SINK);
            }
        });
    }

    private void sweep() {
        runtime.brokerClock().nowMs().ifPresent(brokerMs -> {
            deferred.sweep(brokerMs);
            oldestComing(brokerMs).ifPresent(ms -> {
                sweeper.sweepTombstones(ms);
                sweeper.forgetDrops(ms);
            });
        });
    }

    /**
     * No change enqueued before this time can come any more, on any lane, and none that was deferred can come back; empty
     * while that is not known.
     */
    private Optional<Long> oldestComing(long nowMs) {
        long oldest = Math.min(nowMs, deferred.oldestWaitingMs().orElse(nowMs));
        for (LaneProgress lane : lanes.values()) {
            if (!lane.depth().positioned() || !lane.depth().measured()) {
                return Optional.empty();
            }
            // What waits behind an open transaction is still to come as well.
            if (!lane.depth().isDrained()) {
                Long processed = processedEnqueueTimeMs.get(lane.lane());
                if (processed == null) {
                    return Optional.empty();
                }
                oldest = Math.min(oldest, processed);
            }
        }
        return Optional.of(oldest);
    }

    private void send(String key, byte[] value, long nowMs, String sink) {
        context.forward(new Record<>(key.getBytes(StandardCharsets.UTF_8), value, nowMs), sink);
    }

    /** The partition is processed elsewhere from now on. */
    public void close() {
        Lane.ALL.forEach(lane -> runtime.board().remove(new LanePartition(lane, partition)));
        spaces.close();
        owed.clear();
        active.forEach((lane, window) -> runtime.activeSessions().close(new LanePartition(lane, partition), window));
    }
}
