package io.engram.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TopicsTest {
    @Test
    void shouldNameTopicsAsTheContractSays() {
        Topics topics = new Topics(Topics.DEFAULT_PREFIX);

        assertThat(topics.observations(Lane.HIGH)).isEqualTo("engram-observations-high");
        assertThat(topics.observations(Lane.NORMAL)).isEqualTo("engram-observations-normal");
        assertThat(topics.observations(Lane.LOW)).isEqualTo("engram-observations-low");
        assertThat(topics.rejected()).isEqualTo("engram-rejected");
        assertThat(topics.sessions()).isEqualTo("engram-sessions");
        assertThat(topics.backpressure()).isEqualTo("engram-backpressure");
        assertThat(topics.laneOf("engram-observations-low")).contains(Lane.LOW);
        assertThat(topics.laneOf("engram-rejected")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a.b", "a_b", "A", "-a", "1a"})
    void shouldRefusePrefix(String prefix) {
        assertThatThrownBy(() -> new Topics(prefix)).hasMessageContaining("'" + prefix + "'");
    }

    @Test
    void shouldAcceptOnlyLegalMemorySpaces() {
        assertThat(space("a.B_c-9")).contains("a.B_c-9");
        assertThat(space("x".repeat(128))).isPresent();
        assertThat(space("x".repeat(129))).isEmpty();
        assertThat(space("")).isEmpty();
        assertThat(space("a b")).isEmpty();
        assertThat(space("ä")).isEmpty();
        assertThat(MemorySpaces.ofKey(Optional.empty())).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "...", "..a", ".a", "-", "a_", "a.", ".", "..", "_", "_other", "_a", "a\n", "a/b", ""})
    void shouldSayTheSameInPatternNameAndKey(String name) {
        assertThat(MemorySpaces.isValid(name))
                .isEqualTo(name.matches(MemorySpaces.PATTERN))
                .isEqualTo(space(name).isPresent())
                .isEqualTo(!List.of(".", "..", "_", "_other", "_a", "a\n", "a/b", "")
                        .contains(name));
    }

    private static Optional<String> space(String name) {
        return MemorySpaces.ofKey(Optional.of(name.getBytes(StandardCharsets.UTF_8)));
    }
}
