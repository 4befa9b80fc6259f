package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.index.sketch.MergePolicy.Candidate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MergePolicyTest {
    private static final int ENTRY_BYTES = 1_000;

    private final MergePolicy policy = new MergePolicy(4, 250_000, 1 << 30);

    private static Candidate live(int entries) {
        return new Candidate(entries, 0, (long) entries * ENTRY_BYTES);
    }

    private static List<Candidate> all(int... entries) {
        return IntStream.of(entries).mapToObj(MergePolicyTest::live).toList();
    }

    @Test
    void shouldLeaveFewOfASizeAsTheyAre() {
        assertThat(policy.choose(List.of())).isEmpty();
        assertThat(policy.choose(all(60_000, 60_000, 60_000, 900, 900, 900, 5_000)))
                .isEmpty();
    }

    @Test
    void shouldMergeTheSmallestOnceThereAreEnoughOfTheirSize() {
        assertThat(policy.choose(all(60_000, 900, 60_000, 10, 800, 60_000, 60_000, 990)))
                .containsExactlyInAnyOrder(1, 3, 4, 7);
        assertThat(policy.choose(all(60_000, 60_000, 60_000, 60_000))).containsExactlyInAnyOrder(0, 1, 2, 3);
    }

    @Test
    void shouldMergeOnlyAsManyAsFit() {
        assertThat(policy.choose(all(90_000, 70_000, 80_000, 100_000))).containsExactlyInAnyOrder(0, 1, 2);
        assertThat(policy.choose(all(240_000, 240_000, 240_000, 240_000, 240_000)))
                .isEmpty();
        MergePolicy fewBytes = new MergePolicy(4, 250_000, 130_000L * ENTRY_BYTES);
        assertThat(fewBytes.choose(all(60_000, 60_000, 60_000, 60_000))).hasSize(2);
    }

    @Test
    void shouldWriteAnewWhatIsMuchDead() {
        assertThat(policy.choose(List.of(live(60_000), new Candidate(60_000, 15_000, 1))))
                .isEmpty();
        assertThat(policy.choose(List.of(live(60_000), new Candidate(60_000, 15_001, 1))))
                .containsExactly(1);
        assertThat(policy.choose(List.of(new Candidate(3, 3, 1)))).containsExactly(0);
    }

    @Test
    void shouldKeepSegmentsFewAndWriteEachEntryFewTimes() {
        Random random = new Random(3);
        List<Candidate> segments = new ArrayList<>();
        long sealed = 0;
        long written = 0;
        for (int seal = 0; seal < 2_000; seal++) {
            // Now and then idle, and sealed early.
            int entries = random.nextInt(3) == 0 ? 60_000 : 1 + random.nextInt(4_000);
            sealed += entries;
            segments.add(live(entries));
            for (List<Integer> chosen = policy.choose(segments); !chosen.isEmpty(); chosen = policy.choose(segments)) {
                int merged =
                        chosen.stream().mapToInt(i -> segments.get(i).live()).sum();
                assertThat(merged).isLessThanOrEqualTo(250_000);
                written += merged;
                chosen.stream().sorted(Comparator.reverseOrder()).forEach(i -> segments.remove((int) i));
                segments.add(live(merged));
            }
            // Three of each of five sizes, and the largest at half of what they may hold.
            assertThat(segments).hasSizeLessThanOrEqualTo((int) (15 + sealed / 125_000 + 1));
        }
        assertThat((double) written / sealed).isLessThan(5);
    }

    @Test
    void shouldRefuseWhatCannotBe() {
        assertThatThrownBy(() -> new MergePolicy(1, 10, 10)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new MergePolicy(2, Beam.MAX_NODES + 1, 10))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("262145 entries");
        assertThatThrownBy(() -> new MergePolicy(2, 10, 1L << 31)).isInstanceOf(IllegalArgumentException.class);
    }
}
