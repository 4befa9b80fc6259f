package io.engram.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ExactCosineTest {
    private static float[] random(Random random, int dimension, float scale) {
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) random.nextGaussian() * scale;
        }
        return vector;
    }

    @Test
    void shouldAgreeWithTheDefinitionWhateverTheDimensionAndLength() {
        Random random = new Random(1);
        for (int dimension : new int[] {1, 2, 3, 4, 5, 7, 8, 63, 768, 1_001}) {
            for (float scale : new float[] {1e-20f, 1, 1e18f}) {
                float[] query = random(random, dimension, 1 / scale);
                float[] vector = random(random, dimension, scale);
                ExactCosine cosine = new ExactCosine(query);
                assertThat(cosine.similarity(vector))
                        .as(dimension + " of scale " + scale)
                        .isCloseTo(Vectors.cosine(query, vector), within(1e-6f));
            }
        }
    }

    @Test
    void shouldBeOneForTheSameDirectionAndMinusOneForTheOpposite() {
        ExactCosine cosine = new ExactCosine(new float[] {1, 2, 3, 4, 5});
        assertThat(cosine.similarity(new float[] {2, 4, 6, 8, 10})).isEqualTo(1f);
        assertThat(cosine.similarity(new float[] {-1, -2, -3, -4, -5})).isEqualTo(-1f);
    }

    @Test
    void shouldRefuseWhatHasNoDirection() {
        assertThatThrownBy(() -> new ExactCosine(new float[] {0, 0})).isInstanceOf(IllegalArgumentException.class);
        ExactCosine cosine = new ExactCosine(new float[] {1, 0});
        assertThatThrownBy(() -> cosine.similarity(new float[2])).hasMessageContaining("zero or not finite");
        assertThatThrownBy(() -> cosine.similarity(new float[] {1, Float.NaN}))
                .hasMessageContaining("zero or not finite");
        assertThatThrownBy(() -> cosine.similarity(new float[3])).hasMessageContaining("dimensions differ: 2 and 3");
    }
}
