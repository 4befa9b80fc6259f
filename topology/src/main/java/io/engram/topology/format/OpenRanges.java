package io.engram.topology.format;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/**
 * The sequence numbers of a session whose record was rejected and may still be accepted, as sorted, disjoint, closed
 * ranges. Each knows when its last number was opened, and whether its records were shed: what was shed comes back in order
 * and so takes its numbers from the front of a range, which never splits it.
 *
 * <pre>
 * firsts  [ 3,  9, 40 ]
 * lasts   [ 3, 12, 41 ]     open: 3, 9-12, 40-41
 *
 * as bytes: varint count, then of each range
 *   varint  first - (last of the range before)
 *   varint  (last - first) &lt;&lt; 2 | shed &lt;&lt; 1 | 1 when opened in another minute than the range before
 *   varint  zigzag of the minutes between, only then
 * </pre>
 *
 * Two or three bytes are enough for most ranges. Not thread-safe.
 */
public final class OpenRanges {
    /** A session keeps at most this many ranges. */
    public static final int MAX_RANGES = 200;

    private static final long MINUTE_MS = 60_000;

    private long[] firsts = new long[4];
    private long[] lasts = new long[4];
    // Rounded up, so that nothing expires early.
    private long[] minutes = new long[4];
    private boolean[] shed = new boolean[4];
    private int count;

    /**
     * Opens a number above all that are open; it joins the last range when it continues it.
     *
     * @return false when there are {@value #MAX_RANGES} ranges and it would need another: it is not open then
     */
    public boolean append(long sequence, boolean wasShed, long nowMs) {
        if (count > 0 && lasts[count - 1] >= sequence) {
            throw new IllegalArgumentException(
                    "not above the last open number: " + sequence + " <= " + lasts[count - 1]);
        }
        long minute = Math.floorDiv(nowMs, MINUTE_MS) + 1;
        if (count > 0 && lasts[count - 1] == sequence - 1 && shed[count - 1] == wasShed) {
            lasts[count - 1] = sequence;
            minutes[count - 1] = Math.max(minutes[count - 1], minute);
            return true;
        }
        if (isFull()) {
            return false;
        }
        insert(count, sequence, sequence, minute, wasShed);
        return true;
    }

    /** True when the number is open. */
    public boolean contains(long sequence) {
        return find(sequence) >= 0;
    }

    /** True when the number is open and its record was shed. */
    public boolean isShed(long sequence) {
        int i = find(sequence);
        return i >= 0 && shed[i];
    }

    /** True when the number is open, but taking it would leave more ranges than a session may have. */
    public boolean wouldOverflow(long sequence) {
        int i = find(sequence);
        return i >= 0 && isFull() && firsts[i] != sequence && lasts[i] != sequence;
    }

    /** Closes a number; returns false when it was not open. */
    public boolean close(long sequence) {
        int i = find(sequence);
        if (i < 0) {
            return false;
        }
        long first = firsts[i];
        long last = lasts[i];
        if (first == last) {
            remove(i);
        } else if (sequence == first) {
            firsts[i]++;
        } else if (sequence == last) {
            lasts[i]--;
        } else {
            lasts[i] = sequence - 1;
            insert(i + 1, sequence + 1, last, minutes[i], shed[i]);
        }
        return true;
    }

    /**
     * Closes every range whose last number was opened before a time.
     *
     * @return the highest number closed
     */
    public OptionalLong expire(long beforeMs) {
        long highest = -1;
        for (int i = count - 1; i >= 0; i--) {
            if (minutes[i] * MINUTE_MS < beforeMs) {
                highest = Math.max(highest, lasts[i]);
                remove(i);
            }
        }
        return highest < 0 ? OptionalLong.empty() : OptionalLong.of(highest);
    }

    /** When the range expires that does so first: all that were opened before are gone. Epoch ms; empty without ranges. */
    public OptionalLong oldestMs() {
        return Arrays.stream(minutes, 0, count)
                .map(minute -> minute * MINUTE_MS)
                .min();
    }

    /** How many ranges there are. */
    public int size() {
        return count;
    }

    public boolean isEmpty() {
        return count == 0;
    }

    /** True when another range could not be kept. */
    public boolean isFull() {
        return count >= MAX_RANGES;
    }

    /** The ranges as {@code [first, last]} pairs. */
    public List<List<Long>> toList() {
        List<List<Long>> ranges = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            ranges.add(List.of(firsts[i], lasts[i]));
        }
        return ranges;
    }

    /** The most bytes that {@link #write} takes. */
    int maxEncodedSize() {
        return (1 + count * 3) * Varints.MAX_BYTES;
    }

    void write(ByteBuffer out) {
        Varints.write(out, count);
        long before = 0;
        long minute = 0;
        for (int i = 0; i < count; i++) {
            boolean later = minutes[i] != minute;
            Varints.write(out, firsts[i] - before);
            Varints.write(out, lasts[i] - firsts[i] << 2 | (shed[i] ? 2 : 0) | (later ? 1 : 0));
            if (later) {
                Varints.writeSigned(out, minutes[i] - minute);
            }
            before = lasts[i];
            minute = minutes[i];
        }
    }

    static OpenRanges read(ByteBuffer in) {
        OpenRanges ranges = new OpenRanges();
        int count = (int) Varints.read(in);
        long before = 0;
        long minute = 0;
        for (int i = 0; i < count; i++) {
            long first = before + Varints.read(in);
            long rest = Varints.read(in);
            if ((rest & 1) != 0) {
                minute += Varints.readSigned(in);
            }
            before = first + (rest >>> 2);
            ranges.insert(i, first, before, minute, (rest & 2) != 0);
        }
        return ranges;
    }

    /** The index of the range that holds the number, negative when none does. */
    private int find(long sequence) {
        int i = Arrays.binarySearch(firsts, 0, count, sequence);
        if (i >= 0) {
            return i;
        }
        int before = -i - 2;
        return before >= 0 && lasts[before] >= sequence ? before : -1;
    }

    private void insert(int at, long first, long last, long minute, boolean wasShed) {
        if (count == firsts.length) {
            firsts = Arrays.copyOf(firsts, count * 2);
            lasts = Arrays.copyOf(lasts, count * 2);
            minutes = Arrays.copyOf(minutes, count * 2);
            shed = Arrays.copyOf(shed, count * 2);
        }
        move(at, at + 1);
        firsts[at] = first;
        lasts[at] = last;
        minutes[at] = minute;
        shed[at] = wasShed;
        count++;
    }

    private void remove(int at) {
        move(at + 1, at);
        count--;
    }

    private void move(int from, int to) {
        System.arraycopy(firsts, from, firsts, to, count - from);
        System.arraycopy(lasts, from, lasts, to, count - from);
        System.arraycopy(minutes, from, minutes, to, count - from);
        System.arraycopy(shed, from, shed, to, count - from);
    }
}
