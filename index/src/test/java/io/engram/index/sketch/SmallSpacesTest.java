package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.HnswParameters;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Spaces of a few memories take little, and what is said of them is what they take. */
class SmallSpacesTest {
    private static final int SPACES = 10_000;

    @ParameterizedTest
    @CsvSource({"768, 1, 2600", "64, 1, 1900", "4096, 1, 10000", "64, 20, 6600"})
    void shouldCountWhatSmallSpacesTake(int dimension, int memories, long mostBytes) {
        SketchEngine engine = new SketchEngine(HnswParameters.DEFAULT, Runnable::run);
        Random random = new Random(1);
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        // What all spaces share.
        engine.create(dimension, VectorSource.NONE).add("first", 1, vector);
        List<VectorIndex> spaces = new ArrayList<>(SPACES);
        long before = usedBytes();
        for (int space = 0; space < SPACES; space++) {
            VectorIndex index = engine.create(dimension, VectorSource.NONE);
            for (int memory = 0; memory < memories; memory++) {
                index.add("memory-" + memory, memory, vector);
            }
            spaces.add(index);
        }
        double taken = (usedBytes() - before) / (double) SPACES;
        double counted = spaces.stream().mapToLong(VectorIndex::memoryBytes).sum() / (double) SPACES;

        assertThat(counted).isLessThan(mostBytes);
        assertThat(counted).as("counted, of %.0f bytes taken", taken).isBetween(0.75 * taken, 1.35 * taken);
    }

    private static long usedBytes() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
