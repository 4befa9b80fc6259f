package io.engram.topology.store;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The sequence numbers of a session whose record was rejected and may still be accepted, as sorted, disjoint, closed
 * ranges.
 *
 * <pre>
 * firsts  [ 3,  9, 40 ]
 * lasts   [ 3, 12, 41 ]     open: 3, 9-12, 40-41
 * </pre>
 *
 * Not thread-safe.
 */
public final class OpenRanges {
    /** A session keeps at most this many ranges. */
    public static final int MAX_RANGES = 10_000;

    private long[] firsts = new long[4];
    private long[] lasts = new long[4];
    private int count;

    /** Opens a number above all that are open; it joins the last range when it continues it. */
    public void append(long sequence) {
        if (count > 0 && lasts[count - 1] >= sequence) {
            throw new IllegalArgumentException(
                    "not above the last open number: " + sequence + " <= " + lasts[count - 1]);
        }
        if (count > 0 && lasts[count - 1] == sequence - 1) {
            lasts[count - 1] = sequence;
            return;
        }
        insert(count, sequence, sequence);
    }

    /** True when the number is open. */
    public boolean contains(long sequence) {
        return find(sequence) >= 0;
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
            count--;
            System.arraycopy(firsts, i + 1, firsts, i, count - i);
            System.arraycopy(lasts, i + 1, lasts, i, count - i);
        } else if (sequence == first) {
            firsts[i]++;
        } else if (sequence == last) {
            lasts[i]--;
        } else {
            lasts[i] = sequence - 1;
            insert(i + 1, sequence + 1, last);
        }
        return true;
    }

    /** True when the number is the last open one. */
    public boolean endsWith(long sequence) {
        return count > 0 && lasts[count - 1] == sequence;
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

    /** Bytes that {@link #write} takes. */
    int encodedSize() {
        return Integer.BYTES + count * 2 * Long.BYTES;
    }

    void write(ByteBuffer out) {
        out.putInt(count);
        for (int i = 0; i < count; i++) {
            out.putLong(firsts[i]).putLong(lasts[i]);
        }
    }

    static OpenRanges read(ByteBuffer in) {
        OpenRanges ranges = new OpenRanges();
        int count = in.getInt();
        for (int i = 0; i < count; i++) {
            ranges.insert(i, in.getLong(), in.getLong());
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

    private void insert(int at, long first, long last) {
        if (count == firsts.length) {
            firsts = Arrays.copyOf(firsts, count * 2);
            lasts = Arrays.copyOf(lasts, count * 2);
        }
        System.arraycopy(firsts, at, firsts, at + 1, count - at);
        System.arraycopy(lasts, at, lasts, at + 1, count - at);
        firsts[at] = first;
        lasts[at] = last;
        count++;
    }
}
