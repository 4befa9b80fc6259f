package io.engram.app.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class LooksInARowTest {
    private static final Optional<String> FOLLOWED = Optional.of("first");
    private static final Optional<String> OTHER = Optional.of("second");

    private final LooksInARow looks = new LooksInARow("first");

    @Test
    void shouldBeCertainAfterThreeLooksInARow() {
        assertThat(looks.found(OTHER)).isEmpty();
        assertThat(looks.found(OTHER)).isEmpty();
        assertThat(looks.found(OTHER)).contains("was deleted and made again");
        assertThat(looks.found(OTHER)).contains("was deleted and made again");
    }

    @Test
    void shouldCountMissingAndMadeAgainTogether() {
        assertThat(looks.found(Optional.empty())).isEmpty();
        assertThat(looks.found(OTHER)).isEmpty();
        assertThat(looks.found(Optional.empty())).contains("is not there any more");
    }

    @Test
    void shouldBeginAnewWhenTheTopicIsThere() {
        for (int round = 0; round < 3; round++) {
            assertThat(looks.found(Optional.empty())).isEmpty();
            assertThat(looks.found(Optional.empty())).isEmpty();
            assertThat(looks.found(FOLLOWED)).isEmpty();
        }
    }
}
