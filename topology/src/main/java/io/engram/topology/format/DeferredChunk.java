package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/**
 * What is known of the deferred records among {@value #OFFSETS} neighbouring source offsets of a lane: those that were
 * rejected, are in the topic of rejections, and may still come back from there.
 *
 * <pre>
 * offset size  field
 * 0      1     version = 1
 * 1      4     deferred: one bit per offset, slot = offset mod 32
 * 5      4     waiting: those of them that did not come back yet
 * 9      4     unlisted: those whose number is not among the open ones of its session
 * 13     8     when the last of them was deferred, epoch ms
 * 21     8     base of the times, epoch ms
 * 29     ...   of each deferred offset, by slot: zigzag varint of its enqueue time - base; digest of its key and value, 8
 * </pre>
 *
 * What came back is remembered until the chunk expires, so that a second copy is told from a record that nobody saw yet.
 * At most 605 bytes; immutable.
 */
public final class DeferredChunk {
    /** Neighbouring offsets in one chunk. */
    public static final int OFFSETS = 32;

    /** Of no offset anything is known. */
    public static final DeferredChunk EMPTY = new DeferredChunk(0, 0, 0, 0, new long[OFFSETS], new long[OFFSETS]);

    private static final byte VERSION = 1;
    private static final int HEADER_BYTES = 29;

    /**
     * A deferred record.
     *
     * @param enqueuedAtMs when it was first appended to its lane, epoch ms
     * @param digest of its key and value
     * @param isWaiting true while it did not come back
     * @param isUnlisted true when its number is not among the open ones of its session
     */
    public record Entry(long enqueuedAtMs, long digest, boolean isWaiting, boolean isUnlisted) {}

    private final int deferred;
    private final int waiting;
    private final int unlisted;
    private final long lastDeferredAtMs;
    private final long[] times;
    private final long[] digests;

    private DeferredChunk(
            int deferred, int waiting, int unlisted, long lastDeferredAtMs, long[] times, long[] digests) {
        this.deferred = deferred;
        this.waiting = waiting;
        this.unlisted = unlisted;
        this.lastDeferredAtMs = lastDeferredAtMs;
        this.times = times;
        this.digests = digests;
    }

    /** The chunk in which an offset is. */
    public static long numberOf(long offset) {
        return Math.floorDiv(offset, OFFSETS);
    }

    private static int slot(long offset) {
        return (int) Math.floorMod(offset, (long) OFFSETS);
    }

    /** What is known of an offset of this chunk; empty when it was not deferred. */
    public Optional<Entry> find(long offset) {
        int slot = slot(offset);
        int bit = 1 << slot;
        return (deferred & bit) == 0
                ? Optional.empty()
                : Optional.of(new Entry(times[slot], digests[slot], (waiting & bit) != 0, (unlisted & bit) != 0));
    }

    /** With another deferred record, which takes the place of what was known of its offset. */
    public DeferredChunk with(long offset, Entry entry, long deferredAtMs) {
        int slot = slot(offset);
        int bit = 1 << slot;
        long[] newTimes = times.clone();
        long[] newDigests = digests.clone();
        newTimes[slot] = entry.enqueuedAtMs();
        newDigests[slot] = entry.digest();
        return new DeferredChunk(
                deferred | bit,
                entry.isWaiting() ? waiting | bit : waiting & ~bit,
                entry.isUnlisted() ? unlisted | bit : unlisted & ~bit,
                Math.max(lastDeferredAtMs, deferredAtMs),
                newTimes,
                newDigests);
    }

    /** After the record of an offset came back for good. */
    public DeferredChunk settled(long offset) {
        return new DeferredChunk(deferred, waiting & ~(1 << slot(offset)), unlisted, lastDeferredAtMs, times, digests);
    }

    /** The earliest enqueue time of those that did not come back; empty when none waits. */
    public Optional<Long> oldestWaitingMs() {
        Optional<Long> oldest = Optional.empty();
        for (int slot = 0; slot < OFFSETS; slot++) {
            if ((waiting & 1 << slot) != 0 && (oldest.isEmpty() || times[slot] < oldest.get())) {
                oldest = Optional.of(times[slot]);
            }
        }
        return oldest;
    }

    /** The enqueue time of the first of them, epoch ms; 0 when there is none. */
    public long firstEnqueuedAtMs() {
        return deferred == 0 ? 0 : times[Integer.numberOfTrailingZeros(deferred)];
    }

    /** When the last of its records was deferred, epoch ms. */
    public long lastDeferredAtMs() {
        return lastDeferredAtMs;
    }

    /** The bytes of it, as the layout says. */
    public byte[] encode() {
        int count = Integer.bitCount(deferred);
        long base = firstEnqueuedAtMs();
        ByteBuffer out = ByteBuffer.allocate(HEADER_BYTES + count * (Varints.MAX_BYTES + Long.BYTES));
        out.put(VERSION)
                .putInt(deferred)
                .putInt(waiting)
                .putInt(unlisted)
                .putLong(lastDeferredAtMs)
                .putLong(base);
        for (int slot = 0; slot < OFFSETS; slot++) {
            if ((deferred & 1 << slot) != 0) {
                Varints.writeSigned(out, times[slot] - base);
                out.putLong(digests[slot]);
            }
        }
        return Arrays.copyOf(out.array(), out.position());
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException when it is of another version
     */
    public static DeferredChunk decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("deferred offsets of version " + version + ", expected " + VERSION);
        }
        int deferred = in.getInt();
        int waiting = in.getInt();
        int unlisted = in.getInt();
        long lastDeferredAtMs = in.getLong();
        long base = in.getLong();
        long[] times = new long[OFFSETS];
        long[] digests = new long[OFFSETS];
        for (int slot = 0; slot < OFFSETS; slot++) {
            if ((deferred & 1 << slot) != 0) {
                times[slot] = base + Varints.readSigned(in);
                digests[slot] = in.getLong();
            }
        }
        return new DeferredChunk(deferred, waiting, unlisted, lastDeferredAtMs, times, digests);
    }
}
