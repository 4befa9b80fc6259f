package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.HnswParameters;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FilterTest {
    /** A filter reads what it judges: walks that widen meet most entries again. */
    @Test
    void shouldAskTheFilterOfEachEntryOnce(@TempDir Path directory) throws IOException {
        Random random = new Random(1);
        Map<String, Integer> asked = new HashMap<>();
        try (VectorIndex index = new SketchEngine(HnswParameters.DEFAULT, Runnable::run)
                .open(directory, 8, VectorSource.NONE)
                .index()) {
            for (int i = 0; i < 5_000; i++) {
                index.add("v" + i, i + 1, vector(random));
            }
            index.search(new SearchRequest(
                    vector(random),
                    10,
                    50,
                    id -> {
                        asked.merge(id, 1, Integer::sum);
                        return false;
                    },
                    Long.MAX_VALUE));
        }

        assertThat(asked).hasSize(5_000);
        assertThat(asked.values()).containsOnly(1);
    }

    private static float[] vector(Random random) {
        float[] vector = new float[8];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = random.nextFloat() - 0.5f;
        }
        return vector;
    }
}
