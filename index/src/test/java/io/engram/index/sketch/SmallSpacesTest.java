package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.HnswParameters;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Spaces of a few memories take little, and what is said of them is what they take. */
class SmallSpacesTest {
    private static final int SPACES = 500;

    @TempDir
    private Path root;

    private final List<VectorIndex> spaces = new ArrayList<>(SPACES + 1);

    @AfterEach
    void close() {
        spaces.forEach(VectorIndex::close);
    }

    @ParameterizedTest
    @CsvSource({"768, 1, 5200", "64, 1, 4200", "4096, 1, 12000", "64, 20, 8200"})
    void shouldCountWhatSmallSpacesTake(int dimension, int memories, long mostBytes) throws IOException {
        SketchEngine engine = new SketchEngine(HnswParameters.DEFAULT, Runnable::run);
        Random random = new Random(1);
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        // What all spaces share.
        VectorIndex first =
                engine.open(root.resolve("first"), dimension, VectorSource.NONE).index();
        first.add("first", 1, vector);
        long before = usedBytes();
        for (int space = 0; space < SPACES; space++) {
            VectorIndex index = engine.open(root.resolve("space-" + space), dimension, VectorSource.NONE)
                    .index();
            for (int memory = 0; memory < memories; memory++) {
                index.add("memory-" + memory, memory, vector);
            }
            spaces.add(index);
        }
        double taken = (usedBytes() - before) / (double) SPACES;
        double counted = spaces.stream().mapToLong(VectorIndex::memoryBytes).sum() / (double) SPACES;

        spaces.add(first);
        assertThat(counted).isLessThan(mostBytes);
        assertThat(counted).as("counted, of %.0f bytes taken", taken).isBetween(0.75 * taken, 1.35 * taken);
    }

    private static long usedBytes() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
