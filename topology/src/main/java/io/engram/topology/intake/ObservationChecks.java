package io.engram.topology.intake;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.RejectionReason;
import io.engram.schemas.SessionPosition;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.admission.AdmissionControl;
import io.engram.topology.format.OpenRanges;
import io.engram.topology.format.SessionState;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.rejection.RecordSize;
import io.engram.topology.rejection.RejectedRecord;
import io.engram.topology.rejection.WriteLimits;
import io.engram.topology.store.MemoryStore;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * All that is decided about a valid observation: dimension → sequence → duplicate → admission. An observation without a
 * session has no sequence to check. Reads the state and changes nothing. Belongs to the stream thread.
 */
public final class ObservationChecks {
    private final MemoryStore store;
    private final TopologyRuntime runtime;
    private final AdmissionControl admission;
    private final LongSupplier clock;
    private final ObservationDigest digests = new ObservationDigest();

    /**
     * @param clock this machine's, epoch ms
     */
    public ObservationChecks(
            MemoryStore store, TopologyRuntime runtime, AdmissionControl admission, LongSupplier clock) {
        this.store = store;
        this.runtime = runtime;
        this.admission = admission;
        this.clock = clock;
    }

    /** What becomes of an observation without a session: only its memory tells whether it came before. */
    public Verdict ofUnsequenced(Incoming record, String space, Observation observation) {
        long digest = digests.of(observation);
        Memory memory = observation.id().map(id -> memory(space, id)).orElseGet(() -> memoryAt(record, space, digest));
        Optional<String> mismatch = Dimensions.mismatch(store.space(space), observation);
        if (mismatch.isPresent()) {
            return Verdict.Rejected.untouched(
                    memory.id(), RejectedRecord.of(RejectionReason.INVALID_OBSERVATION, mismatch.get()));
        }
        return ofContent(record, space, observation, memory, digest);
    }

    /** An id, and what is stored under it so far. */
    private record Memory(String id, Optional<StoredMemory> stored) {}

    private Memory memory(String space, String id) {
        return new Memory(id, store.memory(space, id));
    }

    /**
     * Of an observation that has neither id nor session: it is named after where it was first written. An older memory of
     * that id is another one, of a lane that was made again since or named so by a client; it stays, and the enqueue time
     * tells them apart.
     */
    private Memory memoryAt(Incoming record, String space, long digest) {
        String place = record.lane().lane().label() + "-" + record.partition() + "-" + record.originOffset();
        Memory memory = memory(space, place);
        boolean isTaken = memory.stored()
                .filter(other ->
                        !other.isTombstone() && !other.says(digest) && other.enqueuedAtMs() < record.enqueuedAtMs())
                .isPresent();
        return isTaken ? memory(space, place + "-" + record.enqueuedAtMs()) : memory;
    }

    /** What becomes of an observation of a session. */
    public Verdict ofSequenced(
            Incoming record, String space, Observation observation, SessionPosition position, SessionState session) {
        long sequence = position.sequence();
        String id = observation.id().orElseGet(() -> idOf(record.lane().lane(), position, session));
        boolean late = session.isClosed() || sequence < session.next();
        boolean taken = late && !session.awaits(sequence) && !record.isUnlisted();
        if (record.isRedelivered() && taken && !session.mayHaveExpired(sequence)) {
            return new Verdict.Dropped(id, Verdict.Session.UNTOUCHED, 0);
        }
        Optional<String> mismatch = Dimensions.mismatch(store.space(space), observation);
        if (mismatch.isPresent()) {
            return new Verdict.Rejected(
                    id,
                    RejectedRecord.of(RejectionReason.INVALID_OBSERVATION, mismatch.get()),
                    Verdict.Session.LEAVES_OPEN,
                    0);
        }
        long expected = session.isClosed() ? 1 : session.next();
        boolean open = session.open().contains(sequence) || record.isUnlisted();
        if (sequence > expected && sequence >= session.next() && !open) {
            return Verdict.Rejected.untouched(
                    id,
                    RejectedRecord.invalidSequence(
                            "sequence %d leaves a gap: session '%s' expects %d next; send what is missing first"
                                    .formatted(sequence, position.session(), expected),
                            expected));
        }
        long digest = digests.of(observation);
        boolean overflows = session.open().wouldOverflow(sequence);
        boolean wasShed =
                session.isShedForGood(sequence) || overflows && session.open().isShed(sequence);
        if (wasShed && !record.isRedelivered() && comesBackWhole(record)) {
            return shedAgain(record, id, position, digest);
        }
        if (sequence < session.next() && !open) {
            return repeated(space, id, position, session, digest, expected);
        }
        if (overflows) {
            return Verdict.Rejected.untouched(
                    id,
                    RejectedRecord.invalidSequence(
                            "sequence %d lies within a range of open numbers, and session '%s' has %d such ranges already; it stays open: send the first or the last number of a range before it"
                                    .formatted(sequence, position.session(), OpenRanges.MAX_RANGES),
                            expected));
        }
        return ofContent(record, space, observation, memory(space, id), digest);
    }

    private static String idOf(Lane lane, SessionPosition position, SessionState session) {
        return position.session() + ":" + lane.label() + ":" + session.incarnation() + ":" + position.sequence();
    }

    /** Its place is right, or it has none: whether it says something new, and whether there is room for it. */
    private Verdict ofContent(Incoming record, String space, Observation observation, Memory memory, long digest) {
        if (observation.operation() == Operation.OBSERVE) {
            boolean isRepeated = memory.stored()
                    .filter(stored -> stored.says(digest) && !hasExpired(space, stored, record.appendedAtMs()))
                    .isPresent();
            if (isRepeated && record.isRedelivered()) {
                return new Verdict.Dropped(memory.id(), Verdict.Session.CONSUMES, digest);
            }
            if (isRepeated) {
                return new Verdict.Rejected(
                        memory.id(),
                        RejectedRecord.of(
                                RejectionReason.DUPLICATE,
                                "memory '" + memory.id() + "' is stored already with the same content"),
                        Verdict.Session.CONSUMES,
                        digest);
            }
            if (!record.isRedelivered() && admission.sheds(record.lane().lane()) && comesBackWhole(record)) {
                long retryAfterMs = admission.retryAfterMs(record.lane().lane(), clock.getAsLong());
                return new Verdict.Rejected(
                        memory.id(),
                        RejectedRecord.overCapacity(
                                admission.explain(record.lane().lane(), retryAfterMs), retryAfterMs),
                        Verdict.Session.LEAVES_OPEN,
                        digest);
            }
        }
        return new Verdict.Accepted(memory.id(), digest, memory.stored());
    }

    /** A right retry whose number cannot be taken now: the record that was shed first comes back, and takes it. */
    private Verdict shedAgain(Incoming record, String id, SessionPosition position, long digest) {
        long retryAfterMs = admission.retryAfterMs(record.lane().lane(), clock.getAsLong());
        return new Verdict.Rejected(
                id,
                RejectedRecord.overCapacity(
                        "a record of sequence %d of session '%s' was shed and comes back by itself; this one is not needed, and cannot be taken now, since the session has %d ranges of open numbers"
                                .formatted(position.sequence(), position.session(), OpenRanges.MAX_RANGES),
                        retryAfterMs),
                Verdict.Session.UNTOUCHED,
                digest);
    }

    /** What is too old is not remembered any more, even if it is not deleted yet. */
    private boolean hasExpired(String space, StoredMemory memory, long nowMs) {
        return runtime.config().retention().of(store.space(space)).hasExpired(memory.enqueuedAtMs(), nowMs);
    }

    /** A number that was used before: a benign retry when it says the same, else a mistake of the producer. */
    private Verdict repeated(
            String space, String id, SessionPosition position, SessionState session, long digest, long expected) {
        OptionalLong accepted = session.digestOf(position.sequence());
        boolean same = accepted.isPresent()
                ? accepted.getAsLong() == digest
                : store.memory(space, id).filter(memory -> memory.says(digest)).isPresent();
        if (same) {
            return Verdict.Rejected.untouched(
                    id,
                    RejectedRecord.of(
                            RejectionReason.DUPLICATE,
                            "sequence %d of session '%s' was accepted before with the same content"
                                    .formatted(position.sequence(), position.session())));
        }
        return Verdict.Rejected.untouched(
                id, RejectedRecord.invalidSequence(used(position, session, expected), expected));
    }

    private static String used(SessionPosition position, SessionState session, long expected) {
        long sequence = position.sequence();
        if (!session.mayHaveLapsed(sequence)) {
            return "sequence %d of session '%s' was used before for something else; the session expects %d next"
                    .formatted(sequence, position.session(), expected);
        }
        String accepted =
                sequence >= session.next() - SessionState.WINDOW ? "" : "was accepted with other content, or ";
        return "sequence %d of session '%s' is not open any more: its record %swas rejected, and the number passed for good because %d ranges of numbers were open or because it was open for longer than rejected records are kept; unless it was rejected as over_capacity, and comes back by itself, send the observation under the next number, %d"
                .formatted(sequence, position.session(), accepted, OpenRanges.MAX_RANGES, expected);
    }

    /** What is shed must come back as it was: a record that would be cut, or refused by its lane, is taken instead. */
    private boolean comesBackWhole(Incoming record) {
        return RecordSize.of(record.key(), record.value(), record.headers()) + WriteLimits.OWN_HEADERS_BYTES
                <= runtime.writeLimits().wholeBytes();
    }
}
