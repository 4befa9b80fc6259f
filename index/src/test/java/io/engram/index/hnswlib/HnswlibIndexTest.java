package io.engram.index.hnswlib;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.HnswParameters;
import io.engram.index.IndexDirectoryContract;
import io.engram.index.IndexEngine;
import io.engram.index.ReopeningEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorIndexContract;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HnswlibIndexTest {
    private final ExecutorService compactor = Executors.newSingleThreadExecutor();

    @AfterEach
    void stopCompactor() throws InterruptedException {
        compactor.shutdown();
        assertThat(compactor.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    }

    @Nested
    class Fresh extends VectorIndexContract {
        @Override
        protected IndexEngine engine() {
            return new HnswlibEngine(HnswParameters.DEFAULT, compactor);
        }
    }

    @Nested
    class OpenedAgainAllTheTime extends VectorIndexContract {
        @Override
        protected IndexEngine engine() {
            return new ReopeningEngine(new HnswlibEngine(HnswParameters.DEFAULT, compactor), 777);
        }
    }

    @Nested
    class InADirectory extends IndexDirectoryContract {
        @Override
        protected IndexEngine engine(HnswParameters parameters) {
            return new HnswlibEngine(parameters, compactor);
        }
    }

    @Test
    void shouldCompactWhenManyNodesAreDead(@TempDir Path directory) throws IOException {
        AtomicInteger compactions = new AtomicInteger();
        IndexEngine engine = new HnswlibEngine(HnswParameters.DEFAULT, task -> {
            compactions.incrementAndGet();
            task.run();
        });
        try (VectorIndex index = engine.open(directory, 8, VectorSource.NONE).index()) {
            Random random = new Random(1);
            long generation = 0;
            for (int round = 0; round < 20; round++) {
                for (int i = 0; i < 1_500; i++) {
                    float[] vector = new float[8];
                    for (int j = 0; j < 8; j++) {
                        vector[j] = (float) random.nextGaussian();
                    }
                    index.add("v" + i, ++generation, vector);
                }
            }
            assertThat(compactions.get()).isPositive();
            assertThat(index.size()).isEqualTo(1_500);
            // 30,000 inserts of 1,500 ids: without compaction there would be 30,000 nodes.
            assertThat(index.memoryBytes()).isLessThan(4_500L * 400);
        }
    }
}
