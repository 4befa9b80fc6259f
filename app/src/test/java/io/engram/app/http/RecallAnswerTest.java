package io.engram.app.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.query.UnavailableException;
import io.engram.topology.recall.RecallOutcome.Recalled;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RecallAnswerTest {
    private static final RecallAnswer.Reader MOVED = (space, found) -> {
        throw new UnavailableException("partition 0 is not served here right now: it is elsewhere");
    };
    private static final RecallAnswer.Reader FORGOTTEN = (space, found) -> Optional.empty();

    /** One result of another instance's, and one of this one's that is to be read when it is its turn. */
    private static RecallAnswer answer() throws IOException {
        PeerAnswer there = PeerAnswer.parse(
                "{\"results\":[{\"id\":\"there\",\"similarity\":0.9}]}".getBytes(StandardCharsets.UTF_8));
        Recalled here = new Recalled("here", 0.5f, 1, Optional.empty());
        return new RecallAnswer(
                List.of(
                        new RecallAnswer.Result.There(there.results().get(0), "a"),
                        new RecallAnswer.Result.Here(here, Optional.of("b"))),
                JsonBody.MAPPER.createObjectNode().put("partial", false));
    }

    private static JsonNode written(RecallAnswer answer, RecallAnswer.Reader reader) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        answer.writeJson(out, Set.of(), reader);
        return JsonBody.MAPPER.readTree(out.toByteArray());
    }

    private static List<String> ids(JsonNode answer) {
        return answer.path("results").findValuesAsText("id");
    }

    @Test
    void shouldBePartialWhenAPartitionMovesWhileItIsWritten() throws IOException {
        JsonNode object = written(answer(), MOVED);
        assertThat(ids(object)).containsExactly("there");
        assertThat(object.path("partial").asBoolean()).as(object.toString()).isTrue();

        ByteArrayOutputStream out = new ByteArrayOutputStream();
        answer().writeLines(out, Set.of(), MOVED);
        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().toList();
        assertThat(ids(JsonBody.MAPPER.readTree(lines.get(0)))).containsExactly("there");
        JsonNode last = JsonBody.MAPPER.readTree(lines.get(lines.size() - 1));
        assertThat(last.path("done").asBoolean()).as(last.toString()).isTrue();
        assertThat(last.path("partial").asBoolean()).as(last.toString()).isTrue();
    }

    @Test
    void shouldNotBePartialForWantOfWhatIsForgotten() throws IOException {
        JsonNode object = written(answer(), FORGOTTEN);
        assertThat(ids(object)).containsExactly("there");
        assertThat(object.path("partial").asBoolean()).as(object.toString()).isFalse();
    }
}
