package io.engram.topology.checks;

import io.engram.schemas.Decoded;
import io.engram.schemas.Lane;
import io.engram.schemas.Limits;
import io.engram.schemas.MemorySpaces;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionReason;
import io.engram.topology.EngramTopology;
import io.engram.topology.SpacePartitioner;
import io.engram.topology.TopologyConfig;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.AdmissionControl;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.indexing.LaneProgress;
import io.engram.topology.indexing.OffsetTracker;
import io.engram.topology.metrics.MetricNames;
import io.engram.topology.metrics.SpaceMetrics;
import io.engram.topology.retention.Retention;
import io.engram.topology.store.LanePositions;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.OpenRanges;
import io.engram.topology.store.SessionKey;
import io.engram.topology.store.SessionState;
import io.engram.topology.store.StoredMemory;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/**
 * Takes each record of the three lanes through the checks:
 *
 * <pre>
 * key → decode → sequence → duplicate → admission → store → index
 *   └──────┴─────────┴──────────┴───────────┴→ engram-rejected
 * </pre>
 *
 * A check that rejects leaves no trace of the later ones. All effects of a record are in one transaction.
 */
public final class ObservationProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    private final TopologyRuntime runtime;
    private final TopologyConfig config;
    private final Map<Lane, LaneProgress> lanes = new EnumMap<>(Lane.class);
    private final ObservationDigest digests = new ObservationDigest();
    private ProcessorContext<byte[], byte[]> context;
    private MemoryStore store;
    private AdmissionControl admission;
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
        store.activate(lanes);
        admission = new AdmissionControl(
                config.admission(),
                runtime.depths(),
                depths,
                runtime.rates(),
                config.partitions(),
                runtime.indexMemory());
        Acknowledgements acknowledgements = new Acknowledgements(partition);
        Retention retention = new Retention(store, config.retention(), runtime.metrics());
        Sweeper sweeper = new Sweeper(store, config.sessions(), retention);
        deferred = new DeferredOffsets(store, config.sessions().openMs());
        tick = new PartitionTick(
                context, runtime, store, admission, acknowledgements, sweeper, retention, deferred, lanes);
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
                Redelivery.of(
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
        SpaceMetrics metrics = runtime.metrics().knownSpace(space.get());
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
        if (record.redelivery().filter(Redelivery::isCopy).isPresent()) {
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
                Decoded.SessionPosition position = decoded.position().get();
                if (leaveOpen(record, space.get(), position) == Passed.FOR_GOOD) {
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
        SessionKey key = new SessionKey(space, record.lane().lane(), observation.session());
        SessionLookup found = SessionLookup.of(store, key, observation.sequence(), record);
        SessionState session = found.state();
        Verdict verdict = verdict(record, space, observation, session);
        decided = true;
        if (!found.isRetired()) {
            runtime.sessions().seen(key, session.isClosed() ? 0 : session.next() - 1);
        }
        if (verdict instanceof Verdict.Rejected rejected) {
            boolean isShed = rejected.record().reason() == RejectionReason.OVER_CAPACITY;
            Passed passed = apply(rejected.session(), rejected.digest(), found, observation, record, isShed);
            if (isShed) {
                defer(record, passed == Passed.FOR_GOOD);
            }
            reject(
                    record,
                    metrics,
                    passed == Passed.FOR_GOOD
                            ? rejected.record().passedForGood(observation.session(), session.next())
                            : rejected.record());
            return rejected.record().reason() == RejectionReason.DUPLICATE
                    && finishesWithEarlier(record, space, observation, session);
        }
        record.redelivery().ifPresent(again -> deferred.settle(record.lane().lane(), again.sourceOffset()));
        if (verdict instanceof Verdict.Dropped dropped) {
            apply(dropped.session(), dropped.digest(), found, observation, record, false);
            metrics.redeliveredDropped();
            return finishesWithEarlier(record, space, observation, session);
        }
        Verdict.Accepted accepted = (Verdict.Accepted) verdict;
        if (record.isUnlisted() && !session.isKnown()) {
            return changes.apply(record, space, metrics, observation, accepted); // its session is forgotten
        }
        session.accept(observation.sequence(), accepted.digest(), record.appendedAtMs());
        if (observation.operation() == Operation.CLOSE) {
            session.close();
            runtime.sessions().ended(key);
        }
        found.store(store);
        touched(found, record);
        return changes.apply(record, space, metrics, observation, accepted);
    }

    /** It repeats what may still wait for the index, on another lane: it must not count as recallable before that is. */
    private boolean finishesWithEarlier(Incoming record, String space, Observation observation, SessionState session) {
        String id = id(record.lane().lane(), observation, session);
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
            long digest,
            SessionLookup found,
            Observation observation,
            Incoming record,
            boolean isShed) {
        Passed passed = Passed.NOT;
        if (effect == Verdict.Session.CONSUMES) {
            // What uses its number up without being accepted says what is stored already.
            changes.repeat(record, found.key().space(), id(record.lane().lane(), observation, found.state()));
            found.state().accept(observation.sequence(), digest, record.appendedAtMs());
            found.store(store);
        } else if (effect == Verdict.Session.LEAVES_OPEN) {
            boolean moves = found.state().expects(observation.sequence());
            passed = Passed.of(found.state(), observation.sequence(), record, isShed, tick.brokerTimeMs());
            if (moves) {
                found.store(store);
            }
        }
        if (found.state().isKnown()) {
            touched(found, record);
        }
        return passed;
    }

    private void touched(SessionLookup found, Incoming record) {
        if (!found.isRetired()) {
            tick.touched(found.key(), found.state(), record.offset());
        }
    }

    /** All that is decided about a valid observation; reads the state and changes nothing. */
    private Verdict verdict(Incoming record, String space, Observation observation, SessionState session) {
        long sequence = observation.sequence();
        boolean late = session.isClosed() || sequence < session.next();
        boolean taken = late && !session.awaits(sequence) && !record.isUnlisted();
        if (record.isRedelivered() && taken && !session.mayHaveExpired(sequence)) {
            return new Verdict.Dropped(Verdict.Session.UNTOUCHED, 0);
        }
        Optional<String> mismatch = Dimensions.mismatch(store.space(space), observation);
        if (mismatch.isPresent()) {
            return new Verdict.Rejected(
                    RejectedRecord.of(RejectionReason.INVALID_OBSERVATION, mismatch.get()),
                    Verdict.Session.LEAVES_OPEN,
                    0);
        }
        long expected = session.isClosed() ? 1 : session.next();
        boolean open = session.open().contains(sequence) || record.isUnlisted();
        if (sequence > expected && sequence >= session.next() && !open) {
            return Verdict.Rejected.untouched(RejectedRecord.invalidSequence(
                    "sequence %d leaves a gap: session '%s' expects %d next; send what is missing first"
                            .formatted(sequence, observation.session(), expected),
                    expected));
        }
        long digest = digests.of(observation);
        String id = id(record.lane().lane(), observation, session);
        boolean overflows = session.open().wouldOverflow(sequence);
        boolean wasShed =
                session.isShedForGood(sequence) || overflows && session.open().isShed(sequence);
        if (wasShed && !record.isRedelivered() && comesBackWhole(record)) {
            return shedAgain(record, observation, digest);
        }
        if (sequence < session.next() && !open) {
            return repeated(space, id, observation, session, digest, expected);
        }
        if (overflows) {
            return Verdict.Rejected.untouched(RejectedRecord.invalidSequence(
                    "sequence %d lies within a range of open numbers, and session '%s' has %d such ranges already; it stays open: send the first or the last number of a range before it"
                            .formatted(sequence, observation.session(), OpenRanges.MAX_RANGES),
                    expected));
        }
        Optional<StoredMemory> stored = store.memory(space, id);
        if (observation.operation() == Operation.OBSERVE) {
            if (stored.filter(memory -> memory.says(digest) && !hasExpired(space, memory, record.appendedAtMs()))
                    .isPresent()) {
                if (record.isRedelivered()) {
                    return new Verdict.Dropped(Verdict.Session.CONSUMES, digest);
                }
                return new Verdict.Rejected(
                        RejectedRecord.of(
                                RejectionReason.DUPLICATE,
                                "memory '" + id + "' is stored already with the same content"),
                        Verdict.Session.CONSUMES,
                        digest);
            }
            if (!record.isRedelivered() && admission.sheds(record.lane().lane()) && comesBackWhole(record)) {
                long retryAfterMs = admission.retryAfterMs(record.lane().lane(), context.currentSystemTimeMs());
                return new Verdict.Rejected(
                        RejectedRecord.overCapacity(
                                admission.explain(record.lane().lane(), retryAfterMs), retryAfterMs),
                        Verdict.Session.LEAVES_OPEN,
                        digest);
            }
        }
        return new Verdict.Accepted(id, digest, stored);
    }

    /** A right retry whose number cannot be taken now: the record that was shed first comes back, and takes it. */
    private Verdict shedAgain(Incoming record, Observation observation, long digest) {
        long retryAfterMs = admission.retryAfterMs(record.lane().lane(), context.currentSystemTimeMs());
        return new Verdict.Rejected(
                RejectedRecord.overCapacity(
                        "a record of sequence %d of session '%s' was shed and comes back by itself; this one is not needed, and cannot be taken now, since the session has %d ranges of open numbers"
                                .formatted(observation.sequence(), observation.session(), OpenRanges.MAX_RANGES),
                        retryAfterMs),
                Verdict.Session.UNTOUCHED,
                digest);
    }

    /** What is too old is not remembered any more, even if it is not deleted yet. */
    private boolean hasExpired(String space, StoredMemory memory, long nowMs) {
        return config.retention().of(store.space(space)).hasExpired(memory.enqueuedAtMs(), nowMs);
    }

    /** A number that was used before: a benign retry when it says the same, else a mistake of the producer. */
    private Verdict repeated(
            String space, String id, Observation observation, SessionState session, long digest, long expected) {
        OptionalLong accepted = session.digestOf(observation.sequence());
        boolean same = accepted.isPresent()
                ? accepted.getAsLong() == digest
                : store.memory(space, id).filter(memory -> memory.says(digest)).isPresent();
        if (same) {
            return Verdict.Rejected.untouched(RejectedRecord.of(
                    RejectionReason.DUPLICATE,
                    "sequence %d of session '%s' was accepted before with the same content"
                            .formatted(observation.sequence(), observation.session())));
        }
        return Verdict.Rejected.untouched(RejectedRecord.invalidSequence(
                used(observation.sequence(), observation.session(), session, expected), expected));
    }

    private static String used(long sequence, String name, SessionState session, long expected) {
        if (!session.mayHaveLapsed(sequence)) {
            return "sequence %d of session '%s' was used before for something else; the session expects %d next"
                    .formatted(sequence, name, expected);
        }
        String accepted =
                sequence >= session.next() - SessionState.WINDOW ? "" : "was accepted with other content, or ";
        return "sequence %d of session '%s' is not open any more: its record %swas rejected, and the number passed for good because %d ranges of numbers were open or because it was open for longer than rejected records are kept; unless it was rejected as over_capacity, and comes back by itself, send the observation under the next number, %d"
                .formatted(sequence, name, accepted, OpenRanges.MAX_RANGES, expected);
    }

    private static String id(Lane lane, Observation observation, SessionState session) {
        return observation
                .id()
                .orElseGet(() -> observation.session()
                        + ":"
                        + lane.label()
                        + ":"
                        + session.incarnation()
                        + ":"
                        + observation.sequence());
    }

    /** One bad record must not make all that follow look like a gap: its number is passed, but may be sent again. */
    private Passed leaveOpen(Incoming record, String space, Decoded.SessionPosition position) {
        SessionKey key = new SessionKey(space, record.lane().lane(), position.session());
        SessionLookup found = SessionLookup.of(store, key, position.sequence(), record);
        if (!found.state().expects(position.sequence())) {
            return found.state().open().contains(position.sequence()) ? Passed.OPEN : Passed.NOT;
        }
        decided = true;
        Passed passed = Passed.of(found.state(), position.sequence(), record, false, tick.brokerTimeMs());
        found.store(store);
        touched(found, record);
        return passed;
    }

    private PoisonRecordException poison(Incoming record, RuntimeException cause) {
        try {
            Optional<String> space = MemorySpaces.ofKey(record.key());
            Optional<Decoded.SessionPosition> position =
                    ObservationCodec.decode(record.value()).position();
            if (space.isPresent() && position.isPresent()) {
                Passed passed = leaveOpen(record, space.get(), position.get());
                if (passed != Passed.NOT) {
                    defer(record, passed == Passed.FOR_GOOD);
                }
            }
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
        RejectedRecord rejection = PoisonRecordHandler.rejection(cause);
        note(record, rejection, context.currentSystemTimeMs());
        return new PoisonRecordException(record, cause);
    }

    private static String badKey(Incoming record) {
        String wanted = "; the key is the memory space, 1 to 128 characters of [A-Za-z0-9._-]";
        if (record.key().isEmpty() || record.key().get().length == 0) {
            return "key is empty" + wanted;
        }
        return "key is no legal memory space" + wanted;
    }

    private void reject(Incoming record, SpaceMetrics metrics, RejectedRecord rejection) {
        decided = true;
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
        context.forward(
                new Record<>(
                        outgoing.key().orElse(null),
                        outgoing.value().orElse(null),
                        record.enqueuedAtMs(),
                        outgoing.headers()),
                EngramTopology.REJECTED_SINK);
    }

    /** What is shed must come back as it was: a record that would be cut, or refused by its lane, is taken instead. */
    private boolean comesBackWhole(Incoming record) {
        return RecordSize.of(record.key(), record.value(), record.headers()) + WriteLimits.OWN_HEADERS_BYTES
                <= runtime.writeLimits().wholeBytes();
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
