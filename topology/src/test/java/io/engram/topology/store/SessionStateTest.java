package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class SessionStateTest {
    @Test
    void shouldReadBackWhatItWrote() {
        SessionState state = SessionState.startedAt(77);
        for (long sequence = 1; sequence <= 100; sequence++) {
            if (sequence % 7 == 0) {
                state.skip(1_000 + sequence);
            } else {
                state.accept(sequence, sequence * 31, 1_000 + sequence);
            }
        }
        state.accept(98, 5, 2_000);

        SessionState back = SessionState.decode(state.encode());

        assertThat(back.next()).isEqualTo(101);
        assertThat(back.incarnation()).isEqualTo(77);
        assertThat(back.lastActivityMs()).isEqualTo(2_000);
        assertThat(back.isClosed()).isFalse();
        assertThat(back.open().toList()).isEqualTo(state.open().toList()).hasSize(13);
        for (long sequence = 1; sequence <= 101; sequence++) {
            assertThat(back.digestOf(sequence)).isEqualTo(state.digestOf(sequence));
        }
        assertThat(back.digestOf(98)).hasValue(5);
        assertThat(back.digestOf(36)).as("left the window").isEmpty();
        assertThat(back.digestOf(91)).as("never accepted").isEmpty();
        assertThat(back.digestOf(37)).hasValue(37 * 31);
        back.close();
        assertThat(SessionState.decode(back.encode()).isClosed()).isTrue();
    }

    @Test
    void shouldKeepOpenNumbersLikeASet() {
        Random random = new Random(3);
        OpenRanges ranges = new OpenRanges();
        TreeSet<Long> model = new TreeSet<>();
        long next = 1;
        for (int i = 0; i < 20_000; i++) {
            if (random.nextInt(3) > 0) {
                next += random.nextInt(2);
                if (model.isEmpty() || model.last() < next) {
                    ranges.append(next);
                    model.add(next);
                }
                next++;
            } else {
                long sequence = 1 + random.nextInt((int) next);
                assertThat(ranges.contains(sequence)).isEqualTo(model.contains(sequence));
                assertThat(ranges.close(sequence)).isEqualTo(model.remove(sequence));
            }
        }
        long count = 0;
        long before = 0;
        for (List<Long> range : ranges.toList()) {
            assertThat(range.get(0)).as("disjoint and not adjacent").isGreaterThan(before + 1 - (before == 0 ? 1 : 0));
            for (long sequence = range.get(0); sequence <= range.get(1); sequence++) {
                assertThat(model).contains(sequence);
                count++;
            }
            before = range.get(1);
        }
        assertThat(count).isEqualTo(model.size());
    }

    @Test
    void shouldBoundOpenRanges() {
        SessionState state = SessionState.startedAt(0);
        for (int i = 0; i < OpenRanges.MAX_RANGES + 5; i++) {
            state.skip(1);
            state.accept(state.next(), 1, 1);
        }
        assertThat(state.open().isFull()).isTrue();
        assertThat(state.open().size()).isEqualTo(OpenRanges.MAX_RANGES);
        assertThat(state.next()).isEqualTo(2L * (OpenRanges.MAX_RANGES + 5) + 1);
    }
}
