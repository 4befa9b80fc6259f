package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.Lane;
import io.engram.schemas.RejectionHeaders;
import io.engram.schemas.RejectionReason;
import io.engram.schemas.Topics;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The topics as AsyncAPI and Strimzi describe them, against the code. */
@Tag("operations")
class TopicsDescriptionTest {
    private final Topics topics = new Topics("engram");
    private final JsonNode description;

    TopicsDescriptionTest() throws IOException {
        description = Documents.yaml(
                        Tools.project().resolve("schemas/src/main/resources/io/engram/schemas/asyncapi.yaml"))
                .get(0);
    }

    private Set<String> names() {
        Set<String> names = new TreeSet<>(List.of(topics.rejected(), topics.sessions(), topics.backpressure()));
        Lane.ALL.forEach(lane -> names.add(topics.observations(lane)));
        return names;
    }

    @Test
    void shouldDescribeEveryTopic() {
        Set<String> described = new TreeSet<>();
        description
                .path("channels")
                .forEach(channel -> described.add(channel.path("address").asText()));
        assertThat(described).isEqualTo(names());
    }

    @Test
    void shouldDescribeEveryHeaderAndReason() {
        JsonNode headers = description.at("/components/messages/rejected/headers/properties");
        List<String> described = new ArrayList<>();
        headers.fieldNames().forEachRemaining(described::add);
        assertThat(described).containsExactlyInAnyOrderElementsOf(RejectionHeaders.ALL);
        List<String> reasons = new ArrayList<>();
        headers.path(RejectionHeaders.REASON).path("enum").forEach(reason -> reasons.add(reason.asText()));
        assertThat(reasons)
                .containsExactlyInAnyOrderElementsOf(
                        RejectionReason.ALL.stream().map(RejectionReason::label).toList());
    }

    @Test
    void shouldBeStrimzisTopicsToo() throws IOException {
        Set<String> declared = new TreeSet<>();
        for (JsonNode topic : Documents.yaml(Tools.project().resolve("k8s/strimzi/topics.yaml"))) {
            declared.add(topic.at("/metadata/name").asText());
            assertThat(topic.at("/spec/partitions").asInt()).isEqualTo(32);
        }
        assertThat(declared).isEqualTo(names());
    }
}
