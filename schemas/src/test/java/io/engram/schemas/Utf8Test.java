package io.engram.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Utf8Test {
    @Test
    void shouldAgreeWithTheJdkOnRandomBytes() {
        Random random = new Random(7);
        for (int i = 0; i < 500_000; i++) {
            byte[] bytes = new byte[1 + random.nextInt(12)];
            for (int j = 0; j < bytes.length; j++) {
                // Mostly bytes that begin or continue a character, so that valid ones occur.
                bytes[j] = (byte) (random.nextBoolean() ? 1 + random.nextInt(127) : 0x80 + random.nextInt(128));
            }
            assertThat(Utf8.firstInvalid(bytes) < 0).isEqualTo(jdkAccepts(bytes));
        }
    }

    @Test
    void shouldRefuseZeroByteAnywhere() {
        for (int length = 1; length < 20; length++) {
            for (int at = 0; at < length; at++) {
                byte[] bytes = "a".repeat(length).getBytes(StandardCharsets.US_ASCII);
                bytes[at] = 0;
                assertThat(Utf8.firstInvalid(bytes)).isEqualTo(at);
            }
        }
    }

    @Test
    void shouldFindBytes() {
        Random random = new Random(9);
        for (int i = 0; i < 100_000; i++) {
            byte[] bytes = new byte[random.nextInt(40)];
            for (int j = 0; j < bytes.length; j++) {
                bytes[j] = (byte) (random.nextInt(8) == 0 ? '"' : '!' + random.nextInt(3));
            }
            int from = random.nextInt(bytes.length + 1);
            int expected = -1;
            for (int j = bytes.length - 1; j >= from; j--) {
                expected = bytes[j] == '"' ? j : expected;
            }
            assertThat(Utf8.indexOf(bytes, from, bytes.length, (byte) '"')).isEqualTo(expected);
        }
    }

    @Test
    void shouldCountBytesWithoutEncoding() {
        for (String text : new String[] {"", "abc", "äöü", "日本", "🌍🌍", "a🌍ä"}) {
            assertThat(Utf8.length(text)).isEqualTo(text.getBytes(StandardCharsets.UTF_8).length);
        }
    }

    private static boolean jdkAccepts(byte[] bytes) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }
}
