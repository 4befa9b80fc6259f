package io.engram.app.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class PeerAnswerTest {
    private static PeerAnswer parse(String json) throws IOException {
        return PeerAnswer.parse(json.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void shouldKeepResultsAsTheyCame() throws IOException {
        PeerAnswer answer = parse("{\"results\": [ {\"id\":\"ä}{\",\"similarity\":0.5,\"metadata\":{\"a\":[1,2]}} ,"
                + "{\"similarity\":-1,\"id\":\"\\u0041\",\"embedding\":[1.0e-3]}],"
                + "\"partial\":true,\"snapshot\":{\"generation\":7},\"role\":\"standby\"}");

        assertThat(answer.results()).extracting(PeerAnswer.Result::similarity).containsExactly(0.5, -1.0);
        assertThat(answer.results().get(0).json("s"))
                .isEqualTo("{\"id\":\"ä}{\",\"similarity\":0.5,\"metadata\":{\"a\":[1,2]},\"space\":\"s\"}");
        assertThat(answer.results().get(1).json("s"))
                .isEqualTo("{\"similarity\":-1,\"id\":\"\\u0041\",\"embedding\":[1.0e-3],\"space\":\"s\"}");
        assertThat(answer.about().get("partial").asBoolean()).isTrue();
        assertThat(answer.about().get("snapshot").get("generation").asInt()).isEqualTo(7);
        assertThat(answer.about().has("results")).isFalse();
    }

    @Test
    void shouldRefuseWhatIsNoAnswer() {
        assertThatThrownBy(() -> parse("[]")).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> parse("{\"results\":{}}")).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> parse("{\"results\":[{\"similarity\":1")).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> parse("")).isInstanceOf(IOException.class);
    }
}
