package io.engram.schemas;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF; U+0000 is refused as well. */
final class Utf8 {
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long HIGH_BITS = 0x8080808080808080L;
    private static final long LOW_BITS = 0x0101010101010101L;

    private Utf8() {}

    /** The index of the first byte that is not valid, or -1 when all are. */
    static int firstInvalid(byte[] bytes) {
        int length = bytes.length;
        int i = 0;
        while (i < length) {
            // Eight ASCII bytes at a time: no high bit set, and no zero byte.
            while (i + 8 <= length) {
                long word = (long) LONGS.get(bytes, i);
                if (((word | (word - LOW_BITS)) & HIGH_BITS) != 0) {
                    break;
                }
                i += 8;
            }
            if (i == length) {
                break;
            }
            int size = sequenceLength(bytes, i);
            if (size == 0) {
                return i;
            }
            i += size;
        }
        return -1;
    }

    /** Bytes of the character that starts at {@code i}, 0 when it is malformed. */
    private static int sequenceLength(byte[] bytes, int i) {
        int lead = bytes[i] & 0xff;
        if (lead < 0x80) {
            return lead == 0 ? 0 : 1;
        }
        if (lead < 0xc2 || lead > 0xf4) {
            return 0;
        }
        int size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (i + size > bytes.length) {
            return 0;
        }
        int codePoint = lead & (0x7f >> size);
        for (int j = 1; j < size; j++) {
            int next = bytes[i + j] & 0xff;
            if ((next & 0xc0) != 0x80) {
                return 0;
            }
            codePoint = codePoint << 6 | next & 0x3f;
        }
        boolean overlong = size == 3 && codePoint < 0x800 || size == 4 && codePoint < 0x10000;
        boolean surrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
        return overlong || surrogate || codePoint > 0x10ffff ? 0 : size;
    }

    /** The index of the first such byte from {@code from} on and before {@code to}, or -1. */
    static int indexOf(byte[] bytes, int from, int to, byte wanted) {
        long pattern = LOW_BITS * wanted;
        int i = from;
        for (; i + 8 <= to; i += 8) {
            // Zero where the byte is the wanted one; the subtraction borrows there first.
            long word = (long) LONGS.get(bytes, i) ^ pattern;
            long zeros = (word - LOW_BITS) & ~word & HIGH_BITS;
            if (zeros != 0) {
                return i + (Long.numberOfTrailingZeros(zeros) >>> 3);
            }
        }
        for (; i < to; i++) {
            if (bytes[i] == wanted) {
                return i;
            }
        }
        return -1;
    }

    /** Bytes of the text in UTF-8, without encoding it. */
    static int length(String text) {
        int bytes = 0;
        int length = text.length();
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c < 0x80) {
                bytes++;
            } else if (c < 0x800) {
                bytes += 2;
            } else if (Character.isHighSurrogate(c)) {
                bytes += 4;
                i++;
            } else {
                bytes += 3;
            }
        }
        return bytes;
    }

    /** Refuses a surrogate without its other half, which JSON escapes can smuggle past UTF-8. */
    static void requireWhole(String field, String text) throws FieldException {
        int at = loneSurrogate(text);
        if (at >= 0) {
            throw new FieldException(
                    field, "holds half a surrogate pair at character " + at + ", which no UTF-8 can store");
        }
    }

    /** The index of the first surrogate without its other half, or -1. */
    static int loneSurrogate(String text) {
        int length = text.length();
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isLowSurrogate(c) || i + 1 == length || !Character.isLowSurrogate(text.charAt(i + 1))) {
                return i;
            }
            i++;
        }
        return -1;
    }
}
