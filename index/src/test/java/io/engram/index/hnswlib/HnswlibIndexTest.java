package io.engram.index.hnswlib;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.index.VectorIndexContract;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HnswlibIndexTest extends VectorIndexContract {
    private final ExecutorService compactor = Executors.newSingleThreadExecutor();

    @Override
    protected IndexEngine engine() {
        return new HnswlibEngine(HnswParameters.DEFAULT, compactor);
    }

    @AfterEach
    void stopCompactor() throws InterruptedException {
        compactor.shutdown();
        assertThat(compactor.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void shouldCompactWhenManyNodesAreDead() {
        AtomicInteger compactions = new AtomicInteger();
        VectorIndex index = new HnswlibIndex(8, HnswParameters.DEFAULT, task -> {
            compactions.incrementAndGet();
            task.run();
        });
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
