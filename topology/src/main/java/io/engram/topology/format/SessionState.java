package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.OptionalLong;

/**
 * What a session has sent so far on one lane.
 *
 * <pre>
 * offset size  field
 * 0      1     version = 4
 * 1      1     flags: 1 = closed
 * 2      8     next sequence number
 * 10     8     incarnation: source offset of the session's first record
 * 18     8     last activity, epoch ms of the last enqueue
 * 26     8     highest number that was passed for good since too many ranges were open, 0 = none
 * 34     8     highest number that was open for too long, 0 = none
 * 42     8     time of its key of {@link DueKind#idle}, -1 = it has none
 * 50     8     time of its key of {@link DueKind#OPEN}, or {@link DueKind#RETIRED} if it is an earlier incarnation, -1 = none
 * 58     8     which of the latest 64 numbers were shed and passed for good, one bit each, slot = sequence mod 64
 * 66     8     which of the digests are present, one bit each
 * 74     8×n   the present digests, slot = sequence mod 64
 * ...    ...   {@link OpenRanges}
 * </pre>
 *
 * With 200 open ranges that is about a kilobyte, and it is written with each record of the session.
 *
 * Mutable and not thread-safe: it belongs to the stream thread.
 */
public final class SessionState {
    /** How many of the latest accepted digests are kept. */
    public static final int WINDOW = 64;

    private static final byte VERSION = 4;
    private static final byte CLOSED = 1;
    private static final long NO_KEY = -1;
    private static final int HEADER_BYTES = 74;

    private long next = 1;
    private long incarnation;
    private long lastActivityMs;
    private long lapsed;
    private long expired;
    private boolean closed;
    private long idleKeyMs = NO_KEY;
    private long openKeyMs = NO_KEY;
    private OpenRanges open = new OpenRanges();
    private long shedForGood;
    private long present;
    private final long[] digests = new long[WINDOW];

    private SessionState(long incarnation) {
        this.incarnation = incarnation;
    }

    /** A session whose first record is at that source offset. */
    public static SessionState startedAt(long sourceOffset) {
        return new SessionState(sourceOffset);
    }

    /** The sequence number that comes next. */
    public long next() {
        return next;
    }

    /** True when that number is the next. */
    public boolean expects(long sequence) {
        return !closed && sequence == next;
    }

    /** True when a record of that number may still be accepted: it is the next, or open. */
    public boolean awaits(long sequence) {
        return expects(sequence) || open.contains(sequence);
    }

    /** True when the session has taken or passed any number: only then it is stored. */
    public boolean isKnown() {
        return next > 1;
    }

    public long incarnation() {
        return incarnation;
    }

    public long lastActivityMs() {
        return lastActivityMs;
    }

    /** When the session was last active, epoch ms; 0 while nothing of it was taken, and once it is closed. */
    public long activeMs() {
        return closed ? 0 : lastActivityMs;
    }

    /** The last number that it has taken or passed; 0 once it is closed, for its numbers start anew. */
    public long taken() {
        return closed ? 0 : next - 1;
    }

    public boolean isClosed() {
        return closed;
    }

    public OpenRanges open() {
        return open;
    }

    /** The digest accepted under that number, if it is among the last {@value #WINDOW}. */
    public OptionalLong digestOf(long sequence) {
        return isInWindow(sequence) && (present & bit(sequence)) != 0
                ? OptionalLong.of(digests[slot(sequence)])
                : OptionalLong.empty();
    }

    /**
     * True when the number was passed for good with a record that was shed, and that has not come back yet. Known of the
     * last {@value #WINDOW} numbers.
     */
    public boolean isShedForGood(long sequence) {
        return isInWindow(sequence) && (shedForGood & bit(sequence)) != 0;
    }

    private boolean isInWindow(long sequence) {
        return sequence < next && sequence >= next - WINDOW;
    }

    private static int slot(long sequence) {
        return (int) (sequence % WINDOW);
    }

    private static long bit(long sequence) {
        return 1L << slot(sequence);
    }

    /**
     * True when the number may have been passed for good although no record of it was accepted: too many ranges were open,
     * or it was open for too long. Certain for the last {@value #WINDOW} numbers, possible for those before.
     */
    public boolean mayHaveLapsed(long sequence) {
        return sequence <= Math.max(lapsed, expired) && isNotTaken(sequence);
    }

    /** True when the number may have been open for too long; as certain as {@link #mayHaveLapsed}. */
    public boolean mayHaveExpired(long sequence) {
        return sequence <= expired && isNotTaken(sequence);
    }

    private boolean isNotTaken(long sequence) {
        return digestOf(sequence).isEmpty() && !open.contains(sequence);
    }

    /** Accepts the record of an expected or open number. */
    public void accept(long sequence, long digest, long enqueuedAtMs) {
        if (sequence == next) {
            advance();
        } else {
            open.close(sequence);
        }
        if (sequence >= next - WINDOW) {
            digests[slot(sequence)] = digest;
            present |= bit(sequence);
            shedForGood &= ~bit(sequence);
        }
        touch(enqueuedAtMs);
    }

    /**
     * Passes the expected number and leaves it open, if another range can be kept.
     *
     * @param wasShed true when it comes back by itself
     * @param nowMs from when on it is open, epoch ms
     * @return false when it is passed for good
     */
    public boolean skip(long enqueuedAtMs, boolean wasShed, long nowMs) {
        long passed = next;
        boolean kept = open.append(passed, wasShed, nowMs);
        advance();
        if (!kept) {
            lapsed = passed;
            shedForGood |= wasShed ? bit(passed) : 0;
        }
        touch(enqueuedAtMs);
        return kept;
    }

    /** Passes for good what was opened before a time; returns true when there was any. */
    public boolean expireOpen(long beforeMs) {
        OptionalLong highest = open.expire(beforeMs);
        highest.ifPresent(sequence -> expired = Math.max(expired, sequence));
        return highest.isPresent();
    }

    /** Ends the session: the next record may start it anew at 1. */
    public void close() {
        closed = true;
    }

    /** This incarnation takes the place of another: the keys of what is due name the session, so they are this one's now. */
    public void replace(SessionState before) {
        idleKeyMs = before.idleKeyMs;
        openKeyMs = before.openKeyMs;
        before.idleKeyMs = NO_KEY;
        before.openKeyMs = NO_KEY;
    }

    /** Time of its key of {@link DueKind#idle}; empty when there is none. */
    public OptionalLong idleKeyMs() {
        return idleKeyMs == NO_KEY ? OptionalLong.empty() : OptionalLong.of(idleKeyMs);
    }

    public void idleKeyMs(OptionalLong atMs) {
        idleKeyMs = atMs.orElse(NO_KEY);
    }

    /** Time of its key of {@link DueKind#OPEN}, or {@link DueKind#RETIRED}; empty when there is none. */
    public OptionalLong openKeyMs() {
        return openKeyMs == NO_KEY ? OptionalLong.empty() : OptionalLong.of(openKeyMs);
    }

    public void openKeyMs(OptionalLong atMs) {
        openKeyMs = atMs.orElse(NO_KEY);
    }

    private void advance() {
        // The slot belonged to the number that leaves the window.
        present &= ~bit(next);
        shedForGood &= ~bit(next);
        next++;
    }

    private void touch(long enqueuedAtMs) {
        lastActivityMs = Math.max(lastActivityMs, enqueuedAtMs);
    }

    public byte[] encode() {
        ByteBuffer out =
                ByteBuffer.allocate(HEADER_BYTES + Long.bitCount(present) * Long.BYTES + open.maxEncodedSize());
        out.put(VERSION)
                .put(closed ? CLOSED : 0)
                .putLong(next)
                .putLong(incarnation)
                .putLong(lastActivityMs)
                .putLong(lapsed)
                .putLong(expired)
                .putLong(idleKeyMs)
                .putLong(openKeyMs)
                .putLong(shedForGood)
                .putLong(present);
        for (int slot = 0; slot < WINDOW; slot++) {
            if ((present & 1L << slot) != 0) {
                out.putLong(digests[slot]);
            }
        }
        open.write(out);
        return Arrays.copyOf(out.array(), out.position());
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException when the bytes are of another version
     */
    public static SessionState decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("session state of version " + version + ", expected " + VERSION);
        }
        boolean closed = in.get() == CLOSED;
        long next = in.getLong();
        SessionState state = new SessionState(in.getLong());
        state.closed = closed;
        state.next = next;
        state.lastActivityMs = in.getLong();
        state.lapsed = in.getLong();
        state.expired = in.getLong();
        state.idleKeyMs = in.getLong();
        state.openKeyMs = in.getLong();
        state.shedForGood = in.getLong();
        state.present = in.getLong();
        for (int slot = 0; slot < WINDOW; slot++) {
            if ((state.present & 1L << slot) != 0) {
                state.digests[slot] = in.getLong();
            }
        }
        state.open = OpenRanges.read(in);
        return state;
    }
}
