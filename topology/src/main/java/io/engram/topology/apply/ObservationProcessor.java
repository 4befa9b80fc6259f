package io.engram.topology.apply;

import io.engram.schemas.Decoded;
import io.engram.schemas.Lane;
import io.engram.schemas.Limits;
import io.engram.schemas.MemorySpaces;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionReason;
import io.engram.schemas.SessionPosition;
import io.engram.topology.EngramTopology;
import io.engram.topology.SpacePartitioner;
import io.engram.topology.TopologyConfig;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.AdmissionControl;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.intake.DeferredOffsets;
import io.engram.topology.intake.Incoming;
import io.engram.topology.intake.ObservationChecks;
import io.engram.topology.intake.ReturnedRecord;
import io.engram.topology.intake.SessionLookup;
import io.engram.topology.intake.Verdict;
import io.engram.topology.metrics.MetricNames;
import io.engram.topology.metrics.SpaceMetrics;
import io.engram.topology.progress.Acknowledgements;
import io.engram.topology.progress.LanePositions;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.OffsetTracker;
import io.engram.topology.rejection.PoisonRecordException;
import io.engram.topology.rejection.PoisonRecordHandler;
import io.engram.topology.rejection.RecordSize;
import io.engram.topology.rejection.RejectedRecord;
import io.engram.topology.rejection.RejectionRecord;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.SessionStore;
import io.engram.topology.store.SourceRecords;
import io.engram.topology.tick.PartitionTick;
import io.engram.topology.tick.Sweeper;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Takes each record of the three lanes through the checks:
 *
 * <pre>
 * key → decode → sequence → duplicate → admission → store → index
 *   └──────┴─────────┴──────────┴───────────┴→ engram-rejected
 * </pre>
 *
 * What has no session has no sequence to check. {@link ObservationChecks} decides, this class applies what was decided.
 * A check that rejects leaves no trace of the later ones. All effects of a record are in one transaction.
 */
public final class ObservationProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    private final TopologyRuntime runtime;
    private final TopologyConfig config;
    private final Map<Lane, LaneProgress> lanes = new EnumMap<>(Lane.class);
    private ProcessorContext<byte[], byte[]> context;
    private MemoryStore store;
    private SessionStore sessions;
    private ObservationChecks checks;
    private Changes changes;
    private PartitionTick tick;
    private DeferredOffsets deferred;
    private int partition;
    // Once something was written for a record, an exception must undo the transaction instead of being passed over.
    private boolean decided;

    public ObservationProcessor(TopologyRuntime runtime) {
        this.runtime = runtime;
        this.config = runtime.config();
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> taskContext) {
        context = taskContext;
        partition = taskContext.taskId().partition();
        store = taskContext.getStateStore(EngramTopology.STORE);
        LanePositions stored = store.positions();
        Map<Lane, PartitionDepth> depths = new EnumMap<>(Lane.class);
        for (Lane lane : Lane.ALL) {
            PartitionDepth depth = runtime.depths().assign(lane, partition);
            depths.put(lane, depth);
            runtime.rejections().started(new LanePartition(lane, partition));
            LaneProgress progress = new LaneProgress(
                    lane, new OffsetTracker(), depth, runtime.rates().get(lane), stored.of(lane));
            lanes.put(lane, progress);
            runtime.lanes().started(partition, progress);
        }
        KeyValueStore<Bytes, byte[]> cached = taskContext.getStateStore(EngramTopology.SESSIONS);
        store.activate(lanes, cached);
        sessions = new SessionStore(cached);
        AdmissionControl admission = new AdmissionControl(
                config.admission(),
                runtime.depths(),
                depths,
                runtime.rates(),
                config.partitions(),
                runtime.indexMemory());
        Acknowledgements acknowledgements = new Acknowledgements(partition, System::nanoTime);
        Retention retention = new Retention(store, config.retention(), runtime.metrics());
        Sweeper sweeper = new Sweeper(store, config.sessions(), retention);
        deferred = new DeferredOffsets(store.deferred(), config.sessions().openMs());
        tick = new PartitionTick(
                context, runtime, store, sessions, admission, acknowledgements, sweeper, retention, deferred, lanes);
        checks = new ObservationChecks(store, runtime, admission, context::currentSystemTimeMs);
        changes = new Changes(store, sweeper, retention, tick::spaceAppeared, tick::spaceDropped);
        context.schedule(Duration.ofMillis(config.tickMs()), PunctuationType.WALL_CLOCK_TIME, tick::run);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata source = context.recordMetadata().orElseThrow();
        Lane lane = config.topics().laneOf(source.topic()).orElseThrow();
        long claimedMs = record.timestamp() - config.slackMs().get(lane);
        long latestMs = runtime.brokerClock().latestMs().orElse(Long.MAX_VALUE);
        // What claims to be from the future was appended by now.
        long appendedAtMs = Math.min(claimedMs, latestMs);
        Incoming incoming = new Incoming(
                lanes.get(lane),
                source.topic(),
                source.partition(),
                source.offset(),
                Optional.ofNullable(record.key()),
                Optional.ofNullable(record.value()),
                record.headers(),
                appendedAtMs,
                record.timestamp(),
                latestMs,
                ReturnedRecord.of(
                        deferred,
                        lane,
                        source.topic(),
                        source.partition(),
                        record.headers(),
                        Optional.ofNullable(record.key()),
                        Optional.ofNullable(record.value())));
        long waitedMs = Math.max(0, context.currentSystemTimeMs() - appendedAtMs);
        runtime.metrics().queueWait(lane, waitedMs / 1_000.0);
        tick.arrived(lane, source.offset());
        tick.processed(lane, appendedAtMs);
        boolean handedOver = false;
        decided = false;
        try {
            handedOver = process(incoming);
        } catch (KafkaException e) {
            throw e; // the state or the broker failed: no fault of the record
        } catch (RuntimeException e) {
            throw decided ? e : poison(incoming, e);
        } finally {
            if (!handedOver) {
                incoming.lane().pass(incoming.offset());
            }
        }
    }

    /** From here on an exception is no fault of the record, which therefore is not needed as it came. */
    private void decide() {
        decided = true;
        context.recordMetadata().ifPresent(SourceRecords::release);
    }

    /** Returns true when the record was handed over to the index, which then finishes it. */
    private boolean process(Incoming record) {
        Optional<String> space = MemorySpaces.ofKey(record.key());
        if (space.isEmpty()) {
            reject(
                    record,
                    runtime.metrics().invalidSpace(),
                    RejectedRecord.of(RejectionReason.INVALID_OBSERVATION, badKey(record)));
            return false;
        }
        SpaceMetrics metrics = tick.series(space.get());
        int home = SpacePartitioner.partition(record.key().orElseThrow(), config.partitions());
        if (home != partition) {
            String detail =
                    "key '%s' belongs on partition %d, but came on %d; partition by murmur2 of the key (librdkafka:"
                            + " partitioner=murmur2_random)";
            reject(
                    record,
                    metrics,
                    RejectedRecord.of(
                            RejectionReason.INVALID_OBSERVATION, detail.formatted(space.get(), home, partition)));
            return false;
        }
        if (record.redelivery().filter(ReturnedRecord::isCopy).isPresent()) {
            // Byte for byte what was decided before, and it is in the topic of rejections still.
            metrics.redeliveredDropped();
            return false;
        }
        Decoded decoded = ObservationCodec.decode(record.value());
        Optional<String> broken = decoded instanceof Decoded.Malformed malformed
                ? Optional.of(malformed.detail())
                : tooManyHeaders(record).or(() -> withoutTime(record));
        if (broken.isPresent()) {
            RejectedRecord rejection = RejectedRecord.of(RejectionReason.INVALID_OBSERVATION, broken.get());
            if (decoded.position().isPresent()) {
                SessionPosition position = decoded.position().get();
                if (leaveOpen(record, space.get(), position, this::decide) == Passed.FOR_GOOD) {
                    rejection = rejection.passedForGood(position.session(), position.sequence() + 1);
                }
            }
            reject(record, metrics, rejection);
            return false;
        }
        return check(record, space.get(), metrics, ((Decoded.Valid) decoded).observation());
    }

    private static Optional<String> withoutTime(Incoming record) {
        return record.isWithoutTime()
                ? Optional.of("the record has no time, or one from before the year 2000; let the broker give it one:"
                        + " message.timestamp.type=LogAppendTime on topic " + record.topic())
                : Optional.empty();
    }

    private static Optional<String> tooManyHeaders(Incoming record) {
        long bytes = RecordSize.ofForeignHeaders(record.headers());
        return bytes <= Limits.MAX_HEADER_BYTES
                ? Optional.empty()
                : Optional.of(
                        "headers are %d bytes, each counted with %d more than its name and value; the limit is %d: send fewer or shorter ones"
                                .formatted(bytes, Limits.HEADER_OVERHEAD_BYTES, Limits.MAX_HEADER_BYTES));
    }

    private boolean check(Incoming record, String space, SpaceMetrics metrics, Observation observation) {
        return observation
                .position()
                .map(position -> checkSequenced(record, space, metrics, observation, position))
                .orElseGet(() -> checkUnsequenced(record, space, metrics, observation));
    }

    private boolean checkUnsequenced(Incoming record, String space, SpaceMetrics metrics, Observation observation) {
        Verdict verdict = checks.ofUnsequenced(record, space, observation);
        decide();
        if (verdict instanceof Verdict.Accepted accepted) {
            settle(record);
            return changes.apply(record, space, metrics, observation, accepted);
        }
        if (verdict instanceof Verdict.Rejected rejected && rejected.session() != Verdict.Session.CONSUMES) {
            if (rejected.record().reason() == RejectionReason.OVER_CAPACITY) {
                defer(record, false);
            }
            reject(record, metrics, rejected.record());
            return false;
        }
        changes.repeat(record, space, verdict.id());
        if (verdict instanceof Verdict.Rejected rejected) {
            reject(record, metrics, rejected.record());
        } else {
            settle(record);
            metrics.redeliveredDropped();
        }
        return finishesWithEarlier(record, space, verdict.id());
    }

    private boolean checkSequenced(
            Incoming record, String space, SpaceMetrics metrics, Observation observation, SessionPosition position) {
        SessionKey key = new SessionKey(space, record.lane().lane(), position.session());
        SessionLookup found = SessionLookup.of(sessions, key, position.sequence(), record);
        SessionState session = found.state();
        Verdict verdict = checks.ofSequenced(record, space, observation, position, session);
        decide();
        if (verdict instanceof Verdict.Rejected rejected) {
            boolean isShed = rejected.record().reason() == RejectionReason.OVER_CAPACITY;
            Passed passed = apply(rejected.session(), verdict.id(), rejected.digest(), found, position, record, isShed);
            if (isShed) {
                defer(record, passed == Passed.FOR_GOOD);
            }
            reject(
                    record,
                    metrics,
                    passed == Passed.FOR_GOOD
                            ? rejected.record().passedForGood(position.session(), session.next())
                            : rejected.record());
            return rejected.record().reason() == RejectionReason.DUPLICATE
                    && finishesWithEarlier(record, space, verdict.id());
        }
        settle(record);
        if (verdict instanceof Verdict.Dropped dropped) {
            apply(dropped.session(), verdict.id(), dropped.digest(), found, position, record, false);
            metrics.redeliveredDropped();
            return finishesWithEarlier(record, space, verdict.id());
        }
        Verdict.Accepted accepted = (Verdict.Accepted) verdict;
        if (record.isUnlisted() && !session.isKnown()) {
            return changes.apply(record, space, metrics, observation, accepted); // its session is forgotten
        }
        session.accept(position.sequence(), accepted.digest(), record.appendedAtMs());
        if (observation.operation() == Operation.CLOSE) {
            session.close();
        }
        store(found, record);
        return changes.apply(record, space, metrics, observation, accepted);
    }

    /** What came again is decided: another copy of it is nothing. */
    private void settle(Incoming record) {
        record.redelivery().ifPresent(again -> deferred.settle(record.lane().lane(), again.sourceOffset()));
    }

    /** It repeats what may still wait for the index, on another lane: it must not count as recallable before that is. */
    private boolean finishesWithEarlier(Incoming record, String space, String id) {
        return store.view().index().finishWith(space, id, record.lane(), record.offset());
    }

    /** What became of the number of a record that was rejected. */
    private enum Passed {
        /** It is as it was. */
        NOT,
        /** It is open. */
        OPEN,
        /** Too many are open: it is passed for good. */
        FOR_GOOD;

        static Passed of(SessionState session, long sequence, Incoming record, boolean isShed, long nowMs) {
            if (session.expects(sequence)) {
                return session.skip(record.appendedAtMs(), isShed, nowMs) ? OPEN : FOR_GOOD;
            }
            return session.open().contains(sequence) ? OPEN : NOT;
        }
    }

    /** It may come back as it was, and then counts as of now. */
    private void defer(Incoming record, boolean isUnlisted) {
        if (!record.isRedelivered()) {
            deferred.add(record.lane().lane(), record.offset(), record.deferred(isUnlisted), tick.brokerTimeMs());
        }
    }

    /** What a record that is not accepted does to its session. */
    private Passed apply(
            Verdict.Session effect,
            String id,
            long digest,
            SessionLookup found,
            SessionPosition position,
            Incoming record,
            boolean isShed) {
        Passed passed = Passed.NOT;
        if (effect == Verdict.Session.CONSUMES) {
            // What uses its number up without being accepted says what is stored already.
            changes.repeat(record, found.key().space(), id);
            found.state().accept(position.sequence(), digest, record.appendedAtMs());
            store(found, record);
            return passed;
        }
        if (effect == Verdict.Session.LEAVES_OPEN) {
            boolean moves = found.state().expects(position.sequence());
            passed = Passed.of(found.state(), position.sequence(), record, isShed, tick.brokerTimeMs());
            if (moves) {
                store(found, record);
                return passed;
            }
        }
        if (found.state().isKnown()) {
            touched(found, record);
        }
        return passed;
    }

    /** Stores where the session stands now, which is to be acknowledged. */
    private void store(SessionLookup found, Incoming record) {
        if (!found.isRetired()) {
            tick.moves(found);
        }
        found.store(sessions);
        touched(found, record);
    }

    private void touched(SessionLookup found, Incoming record) {
        if (!found.isRetired()) {
            tick.touched(found, record.offset());
        }
    }

    /**
     * One bad record must not make all that follow look like a gap: its number is passed, but may be sent again.
     *
     * @param deciding is called before anything is written
     */
    private Passed leaveOpen(Incoming record, String space, SessionPosition position, Runnable deciding) {
        SessionKey key = new SessionKey(space, record.lane().lane(), position.session());
        SessionLookup found = SessionLookup.of(sessions, key, position.sequence(), record);
        if (!found.state().expects(position.sequence())) {
            return found.state().open().contains(position.sequence()) ? Passed.OPEN : Passed.NOT;
        }
        deciding.run();
        Passed passed = Passed.of(found.state(), position.sequence(), record, false, tick.brokerTimeMs());
        store(found, record);
        return passed;
    }

    private PoisonRecordException poison(Incoming record, RuntimeException cause) {
        try {
            Optional<String> space = MemorySpaces.ofKey(record.key());
            Decoded decoded = ObservationCodec.decode(record.value());
            if (space.isPresent() && decoded.position().isPresent()) {
                // The handler of the exception rejects the record as it came.
                Passed passed =
                        leaveOpen(record, space.get(), decoded.position().get(), () -> {});
                if (passed != Passed.NOT) {
                    defer(record, passed == Passed.FOR_GOOD);
                }
            } else if (space.isPresent() && decoded instanceof Decoded.Valid) {
                defer(record, false); // without a session, a replay is told from new records by nothing else
            }
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
        RejectedRecord rejection = PoisonRecordHandler.rejection(cause);
        note(record, rejection, context.currentSystemTimeMs());
        return new PoisonRecordException(record.offset(), record.source(), cause);
    }

    private static String badKey(Incoming record) {
        String wanted = "; the key is the memory space, 1 to 128 characters of [A-Za-z0-9._-]";
        if (record.key().isEmpty() || record.key().get().length == 0) {
            return "key is empty" + wanted;
        }
        return "key is no legal memory space" + wanted;
    }

    private void reject(Incoming record, SpaceMetrics metrics, RejectedRecord rejection) {
        decide();
        long now = context.currentSystemTimeMs();
        metrics.rejected(rejection.reason());
        note(record, rejection, now);
        RejectionRecord outgoing = RejectionRecord.of(
                record.key(),
                record.value(),
                record.headers(),
                rejection.headers(record.source(), now),
                runtime.writeLimits().rejectionBytes());
        if (outgoing.isCut()) {
            runtime.metrics().rejectionTruncated();
        }
        Record<byte[], byte[]> rejected =
                new Record<>(outgoing.key().orElse(null), outgoing.value().orElse(null), record.enqueuedAtMs());
        outgoing.headers().forEach(rejected.headers()::add);
        context.forward(rejected, EngramTopology.REJECTED_SINK);
    }

    private void note(Incoming record, RejectedRecord rejection, long nowMs) {
        runtime.rejections().note(new LanePartition(record.lane().lane(), partition), record.offset(), rejection);
        runtime.refusals().note(MemorySpaces.ofKey(record.key()).orElse(MetricNames.INVALID_SPACE), rejection, nowMs);
    }

    @Override
    public void close() {
        Optional.ofNullable(tick).ifPresent(PartitionTick::close); // absent when init failed
        for (LaneProgress lane : lanes.values()) {
            runtime.depths().unassign(lane.lane(), partition, lane.depth());
            runtime.lanes().ended(partition, lane);
        }
        Optional.ofNullable(store).ifPresent(MemoryStore::deactivate);
    }
}
