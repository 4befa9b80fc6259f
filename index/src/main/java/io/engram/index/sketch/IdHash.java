package io.engram.index.sketch;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;

/**
 * Hashes ids with SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012): who chooses ids does
 * not know the key, and so cannot choose ids that collide. Thread-safe.
 *
 * @param k0 first half of the key
 * @param k1 second half of the key
 */
record IdHash(long k0, long k1) {
    /** An id, its UTF-8 bytes and their hash. */
    record Key(String id, byte[] utf8, int hash) {}

    /** With a key that nobody knows. */
    static IdHash random() {
        SecureRandom random = new SecureRandom();
        return new IdHash(random.nextLong(), random.nextLong());
    }

    Key key(String id) {
        byte[] utf8 = id.getBytes(StandardCharsets.UTF_8);
        return new Key(id, utf8, of(utf8));
    }

    /** 32 bits of the hash of an id's UTF-8 bytes. */
    int of(byte[] utf8) {
        State state = new State(k0, k1);
        int whole = utf8.length & ~7;
        for (int at = 0; at < whole; at += 8) {
            state.take(word(utf8, at, 8));
        }
        state.take((long) utf8.length << 56 | word(utf8, whole, utf8.length - whole));
        return (int) state.end();
    }

    private static long word(byte[] bytes, int at, int count) {
        long word = 0;
        for (int i = 0; i < count; i++) {
            word |= (bytes[at + i] & 0xffL) << 8 * i;
        }
        return word;
    }

    private static final class State {
        private long v0;
        private long v1;
        private long v2;
        private long v3;

        State(long k0, long k1) {
            v0 = k0 ^ 0x736f6d6570736575L;
            v1 = k1 ^ 0x646f72616e646f6dL;
            v2 = k0 ^ 0x6c7967656e657261L;
            v3 = k1 ^ 0x7465646279746573L;
        }

        void take(long word) {
            v3 ^= word;
            round();
            v0 ^= word;
        }

        long end() {
            v2 ^= 0xff;
            round();
            round();
            round();
            return v0 ^ v1 ^ v2 ^ v3;
        }

        private void round() {
            v0 += v1;
            v2 += v3;
            v1 = Long.rotateLeft(v1, 13) ^ v0;
            v3 = Long.rotateLeft(v3, 16) ^ v2;
            v0 = Long.rotateLeft(v0, 32);
            v2 += v1;
            v0 += v3;
            v1 = Long.rotateLeft(v1, 17) ^ v2;
            v3 = Long.rotateLeft(v3, 21) ^ v0;
            v2 = Long.rotateLeft(v2, 32);
        }
    }
}
