package io.engram.benchmarks.endtoend;

import io.engram.benchmarks.ClusteredVectors;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.topology.SpacePartitioner;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The observations of a run, numbered from 0: the same numbers are the same records in every process. They go round the
 * spaces, one session in each, so the sequence of a number is known without counting.
 */
final class Workload {
    private static final long SEED = 20_26;
    private static final String SESSION = "bench";

    private final List<String> spaces;
    private final ClusteredVectors vectors;
    private final String padding;

    /**
     * @param partitions of the lanes
     * @param count of the spaces, 1 or more: they go round the partitions
     * @param dimension of the vectors
     */
    Workload(int partitions, int count, int dimension) {
        this(partitions, count, dimension, 0);
    }

    /**
     * @param partitions of the lanes
     * @param count of the spaces, 1 or more: they go round the partitions
     * @param dimension of the vectors
     * @param contentBytes that each content has at least
     */
    Workload(int partitions, int count, int dimension, int contentBytes) {
        this.padding = "x".repeat(contentBytes);
        this.spaces = spaces(partitions, count);
        this.vectors = new ClusteredVectors(dimension, SEED);
    }

    /** In turns: neighbours are on different partitions. */
    private static List<String> spaces(int partitions, int count) {
        int[] tried = new int[partitions];
        List<String> spaces = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int partition = i % partitions;
            String space;
            do {
                space = "bench-" + partition + "-" + tried[partition]++;
            } while (SpacePartitioner.partition(space, partitions) != partition);
            spaces.add(space);
        }
        return spaces;
    }

    int contentBytes() {
        return padding.length();
    }

    List<String> spaces() {
        return spaces;
    }

    private int spaceIndex(long number) {
        return (int) (number % spaces.size());
    }

    String space(long number) {
        return spaces.get(spaceIndex(number));
    }

    byte[] key(long number) {
        return space(number).getBytes(StandardCharsets.UTF_8);
    }

    byte[] value(long number) {
        long sequence = number / spaces.size() + 1;
        return ObservationCodec.encode(
                Observation.observe(SESSION, sequence, "observation " + number + padding, vector(number))
                        .withId(id(number)));
    }

    static String id(long number) {
        return Long.toString(number);
    }

    float[] vector(long number) {
        return vectors.vector(number);
    }

    /** A query, near what is stored but never equal to it. */
    float[] query(int number) {
        return vectors.vector(Long.MAX_VALUE / 2 + number);
    }

    /** Numbers below {@code count} that are in the space. */
    List<Long> numbersOf(String space, long count) {
        List<Long> numbers = new ArrayList<>();
        for (long number = spaces.indexOf(space); number < count; number += spaces.size()) {
            numbers.add(number);
        }
        return numbers;
    }
}
