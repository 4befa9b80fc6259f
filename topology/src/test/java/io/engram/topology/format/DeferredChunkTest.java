package io.engram.topology.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class DeferredChunkTest {
    private static final long START = 32 * 1_000_000_007L;

    @Test
    void shouldReadBackWhatItWrote() {
        Random random = new Random(5);
        for (int round = 0; round < 200; round++) {
            Map<Long, DeferredChunk.Entry> model = new TreeMap<>();
            DeferredChunk chunk = DeferredChunk.EMPTY;
            long lastAt = 0;
            for (int i = 0; i < round % 40; i++) {
                long offset = START + random.nextInt(DeferredChunk.OFFSETS);
                lastAt = Math.max(lastAt, 1_700_000_000_000L + i);
                DeferredChunk.Entry entry = new DeferredChunk.Entry(
                        1_700_000_000_000L + random.nextInt(1_000_000), random.nextLong(), true, random.nextBoolean());
                chunk = chunk.with(offset, entry, lastAt);
                model.put(offset, entry);
                if (random.nextInt(4) == 0) {
                    chunk = chunk.settled(offset);
                    model.put(
                            offset,
                            new DeferredChunk.Entry(entry.enqueuedAtMs(), entry.digest(), false, entry.isUnlisted()));
                }
            }

            DeferredChunk back = DeferredChunk.decode(chunk.encode());

            for (long offset = START; offset < START + DeferredChunk.OFFSETS; offset++) {
                assertThat(DeferredChunk.numberOf(offset)).isEqualTo(1_000_000_007L);
                assertThat(back.find(offset)).isEqualTo(Optional.ofNullable(model.get(offset)));
            }
            assertThat(back.lastDeferredAtMs()).isEqualTo(lastAt);
            assertThat(back.oldestWaitingMs())
                    .isEqualTo(model.values().stream()
                            .filter(DeferredChunk.Entry::isWaiting)
                            .map(DeferredChunk.Entry::enqueuedAtMs)
                            .min(Long::compare));
        }
    }

    @Test
    void shouldStaySmall() {
        DeferredChunk chunk = DeferredChunk.EMPTY;
        for (int i = 0; i < DeferredChunk.OFFSETS; i++) {
            long hours = 3_600_000L * i;
            chunk = chunk.with(START + i, new DeferredChunk.Entry(hours, -1, true, true), hours);
        }

        assertThat(chunk.encode()).hasSizeLessThan(600);

        for (int i = 0; i < DeferredChunk.OFFSETS; i++) {
            long time = i == 0 ? 0 : Long.MIN_VALUE + i;
            chunk = chunk.with(START + i, new DeferredChunk.Entry(time, -1, true, true), 0);
        }
        assertThat(chunk.encode()).as("whatever the times").hasSizeBetween(590, 605);
    }

    @Test
    void shouldRefuseAnotherVersion() {
        byte[] bytes = DeferredChunk.EMPTY.encode();
        bytes[0] = 9;

        assertThatThrownBy(() -> DeferredChunk.decode(bytes)).hasMessageContaining("version 9");
    }
}
