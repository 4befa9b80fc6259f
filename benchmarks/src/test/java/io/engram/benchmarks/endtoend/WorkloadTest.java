package io.engram.benchmarks.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.topology.SpacePartitioner;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WorkloadTest {
    @Test
    void shouldMakeTheSameRecordsInEveryProcess() {
        Workload one = new Workload(4, 8, 32);
        Workload other = new Workload(4, 8, 32);

        for (long number : new long[] {0, 1, 7, 1_000_003}) {
            assertThat(one.value(number)).isEqualTo(other.value(number));
        }
        assertThat(Arrays.equals(one.vector(1), one.vector(2))).isFalse();
    }

    @Test
    void shouldGiveEachPartitionOneSpace() {
        Workload workload = new Workload(8, 8, 2);

        assertThat(workload.spaces().stream().map(space -> SpacePartitioner.partition(space, 8)))
                .containsExactlyElementsOf(IntStream.range(0, 8).boxed().toList());
        assertThat(workload.numbersOf(workload.spaces().get(3), 20)).containsExactly(3L, 11L, 19L);
        assertThat(workload.space(11)).isEqualTo(workload.spaces().get(3));
    }

    @Test
    void shouldGiveEachPartitionManySpaces() {
        Workload workload = new Workload(4, 12, 2);

        assertThat(workload.spaces()).hasSize(12).doesNotHaveDuplicates();
        for (int i = 0; i < 12; i++) {
            assertThat(SpacePartitioner.partition(workload.spaces().get(i), 4)).isEqualTo(i % 4);
        }
    }
}
