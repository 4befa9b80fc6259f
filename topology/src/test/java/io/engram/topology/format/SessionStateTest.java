package io.engram.topology.format;

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
                state.skip(1_000 + sequence, false, 1_000 + sequence);
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
                    if (ranges.append(next, random.nextBoolean(), 1_000_000)) {
                        model.add(next);
                    }
                }
                next++;
            } else {
                long sequence = 1 + random.nextInt((int) next);
                assertThat(ranges.contains(sequence)).isEqualTo(model.contains(sequence));
                if (!ranges.wouldOverflow(sequence)) {
                    assertThat(ranges.close(sequence)).isEqualTo(model.remove(sequence));
                }
                assertThat(ranges.size()).isLessThanOrEqualTo(OpenRanges.MAX_RANGES);
            }
        }
        long count = 0;
        long before = 0;
        for (List<Long> range : ranges.toList()) {
            assertThat(range.get(0)).as("disjoint").isGreaterThan(before);
            for (long sequence = range.get(0); sequence <= range.get(1); sequence++) {
                assertThat(model).contains(sequence);
                count++;
            }
            before = range.get(1);
        }
        assertThat(count).isEqualTo(model.size());
    }

    @Test
    void shouldBoundOpenRangesAndBytes() {
        SessionState state = SessionState.startedAt(Long.MAX_VALUE);
        long now = 1_700_000_000_000L;
        int all = OpenRanges.MAX_RANGES + 5;
        for (int i = 0; i < all; i++) {
            assertThat(state.skip(now, i % 2 == 0, now)).isEqualTo(i < OpenRanges.MAX_RANGES);
            state.accept(state.next(), i, now);
            now += 1_000;
        }

        assertThat(state.open().isFull()).isTrue();
        assertThat(state.open().size()).isEqualTo(OpenRanges.MAX_RANGES);
        assertThat(state.next()).isEqualTo(2L * all + 1);
        assertThat(state.mayHaveLapsed(2L * all - 1)).isTrue();
        assertThat(state.mayHaveLapsed(2L * all)).as("accepted").isFalse();
        assertThat(state.encode()).hasSizeLessThan(1_000);
        assertThat(SessionState.decode(state.encode()).open().toList())
                .isEqualTo(state.open().toList());
        assertThat(SessionState.decode(state.encode()).mayHaveLapsed(2L * all - 1))
                .isTrue();
    }

    @Test
    void shouldKnowWhatWasShedForGoodUntilItIsAcceptedOrLeavesTheWindow() {
        SessionState state = SessionState.startedAt(0);
        for (int i = 0; i < OpenRanges.MAX_RANGES; i++) {
            state.skip(0, i % 2 == 0, 0);
        }
        state.accept(state.next(), 1, 0);
        long shed = state.next();
        state.skip(0, true, 0);
        state.skip(0, false, 0);
        state.skip(0, true, 0);

        SessionState back = SessionState.decode(state.encode());
        assertThat(back.isShedForGood(shed - 1)).isFalse();
        assertThat(back.isShedForGood(shed)).isTrue();
        assertThat(back.isShedForGood(shed + 1)).as("was not shed").isFalse();
        assertThat(back.isShedForGood(shed + 2)).isTrue();
        back.accept(shed + 2, 2, 0);
        assertThat(back.isShedForGood(shed + 2)).as("came back").isFalse();
        assertThat(back.digestOf(shed + 2)).hasValue(2);
        for (int i = 0; i < SessionState.WINDOW; i++) {
            back.accept(back.next(), i, 0);
        }
        assertThat(back.isShedForGood(shed)).isFalse();
        assertThat(back.isShedForGood(shed + SessionState.WINDOW)).isFalse();
    }

    @Test
    void shouldJoinOnlyWhatComesBackTheSameWay() {
        OpenRanges ranges = new OpenRanges();
        ranges.append(1, false, 0);
        ranges.append(2, true, 0);
        ranges.append(3, true, 0);

        assertThat(ranges.toList()).containsExactly(List.of(1L, 1L), List.of(2L, 3L));
    }

    @Test
    void shouldForgetWhatWasOpenedBefore() {
        SessionState state = SessionState.startedAt(0);
        long hour = 3_600_000;
        state.skip(0, false, hour);
        state.accept(2, 1, 0);
        state.skip(0, false, 3 * hour);

        SessionState back = SessionState.decode(state.encode());
        assertThat(back.expireOpen(hour)).isFalse();
        assertThat(back.expireOpen(2 * hour)).isTrue();
        assertThat(back.open().toList()).containsExactly(List.of(3L, 3L));
        assertThat(back.mayHaveLapsed(1)).isTrue();
        assertThat(back.expireOpen(4 * hour)).isTrue();
        assertThat(back.open().isEmpty()).isTrue();
    }
}
