package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.JsonCodec;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.SessionProgress;
import io.engram.topology.SpacePartitioner;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The HTTP interface as a client uses it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RecallIT {
    private Instance instance;

    @BeforeAll
    void start(@TempDir Path stateDir) throws InterruptedException {
        instance = Instance.start("recall", stateDir);
    }

    @AfterAll
    void stop() {
        instance.close();
    }

    private void observe(String space, int count) {
        for (int i = 1; i <= count; i++) {
            instance.send(
                    Lane.NORMAL,
                    space,
                    Observation.observe("s", i, "memory " + i, new float[] {1, i, 0})
                            .withId("m" + i));
        }
        instance.flush();
        await().atMost(Duration.ofSeconds(30)).until(() -> count(space) == count);
    }

    private int count(String space) {
        for (JsonNode listed :
                Instance.json(instance.get("/v1/spaces?prefix=" + space)).get("spaces")) {
            if (listed.get("space").asText().equals(space)) {
                return listed.get("count").asInt();
            }
        }
        return 0;
    }

    @Test
    void shouldAnswerWithEverythingTheContractNames() {
        observe("full", 3);
        JsonNode answer = instance.recall(
                "full", "{\"vector\":[1,1,0],\"k\":2,\"include\":[\"content\",\"metadata\",\"embedding\"]}");

        assertThat(answer.get("results")).hasSize(2);
        JsonNode best = answer.get("results").get(0);
        assertThat(best.get("id").asText()).isEqualTo("m1");
        assertThat(best.get("similarity").asDouble()).isEqualTo(1.0);
        assertThat(best.get("content").asText()).isEqualTo("memory 1");
        assertThat(best.get("metadata").isObject()).isTrue();
        assertThat(best.get("session").asText()).isEqualTo("s");
        assertThat(best.get("sequence").asLong()).isEqualTo(1);
        assertThat(best.get("generation").asLong()).isPositive();
        assertThat(best.get("embedding")).hasSize(3);
        assertThat(answer.get("snapshot").get("generation").asLong()).isPositive();
        assertThat(answer.get("snapshot").get("indexed_offsets").size()).isEqualTo(3);
        assertThat(answer.get("partial").asBoolean()).isFalse();
        assertThat(answer.get("served_by").asText()).isEqualTo(instance.url());
        assertThat(answer.get("role").asText()).isEqualTo("active");
        assertThat(answer.get("took_ms").asDouble()).isPositive();
    }

    @Test
    void shouldStreamBatchesOfTenAndATrailer() {
        observe("stream", 25);
        HttpResponse<String> response = instance.request(
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/json")
                        .header("Accept", "application/x-ndjson")
                        .POST(HttpRequest.BodyPublishers.ofString("{\"vector\":[1,0,0],\"k\":25}")),
                "/v1/spaces/stream/recall");
        List<String> lines = response.body().lines().toList();

        assertThat(response.headers().firstValue("Content-Type").orElse("")).startsWith("application/x-ndjson");
        assertThat(lines).hasSize(4);
        List<Double> similarities = new ArrayList<>();
        for (String line : lines.subList(0, 3)) {
            for (JsonNode result : readTree(line).get("results")) {
                similarities.add(-result.get("similarity").asDouble());
            }
        }
        assertThat(similarities).hasSize(25).isSorted();
        assertThat(readTree(lines.get(0)).get("results")).hasSize(10);
        assertThat(readTree(lines.get(3)).get("done").asBoolean()).isTrue();
        assertThat(readTree(lines.get(3)).get("snapshot").get("generation").asLong())
                .isPositive();
    }

    private static JsonNode readTree(String line) {
        try {
            return Instance.MAPPER.readTree(line);
        } catch (JsonProcessingException e) {
            throw new AssertionError(line, e);
        }
    }

    @Test
    void shouldMergeSeveralSpacesAndSayWhatIsMissing() {
        observe("several-1", 3);
        observe("several-2", 4);
        HttpResponse<String> response = instance.post(
                "/v1/recall", "{\"spaces\":[\"several-1\",\"several-2\",\"missing\"],\"vector\":[0,1,0],\"k\":3}");
        JsonNode answer = Instance.json(response);

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(answer.get("partial").asBoolean()).isTrue();
        assertThat(answer.get("failed").get(0).get("space").asText()).isEqualTo("missing");
        List<String> found = new ArrayList<>();
        answer.get("results")
                .forEach(result -> found.add(
                        result.get("space").asText() + "/" + result.get("id").asText()));
        assertThat(found).startsWith("several-2/m4").hasSize(3).contains("several-1/m3", "several-2/m3");
        assertThat(instance.post("/v1/recall", "{\"spaces\":[\"missing\"],\"vector\":[0,1,0]}")
                        .statusCode())
                .isEqualTo(404);
    }

    @Test
    void shouldReadOwnWritesThroughTheGateway() {
        String space = "gateway";
        for (int i = 0; i < 20; i++) {
            int number = i;
            HttpResponse<String> sent = instance.post(
                    "/v1/spaces/" + space + "/observations?priority=high",
                    "{\"id\":\"g" + i + "\",\"content\":\"c\",\"embedding\":[1," + i + "],\"metadata\":{\"i\":" + i
                            + "}}");
            assertThat(sent.statusCode()).as(sent.body()).isEqualTo(202);
            JsonNode enqueued = Instance.json(sent);
            assertThat(enqueued.get("topic").asText()).isEqualTo("recall-observations-high");
            String lane = "high-" + enqueued.get("partition").asInt();
            JsonNode answer = await().atMost(Duration.ofSeconds(20))
                    .ignoreExceptions()
                    .until(
                            () -> instance.recall(
                                    space,
                                    "{\"vector\":[1,1],\"k\":1,\"filter\":{\"i\":"
                                            + number
                                            + ".0},\"min_offsets\":{\""
                                            + lane
                                            + "\":"
                                            + enqueued.get("offset").asLong()
                                            + "}}"),
                            found -> found.get("snapshot")
                                            .get("indexed_offsets")
                                            .get(lane)
                                            .asLong()
                                    >= enqueued.get("offset").asLong());
            assertThat(answer.get("partial").asBoolean()).isFalse();
            assertThat(answer.get("results").findValuesAsText("id")).containsExactly("g" + i);
            assertThat(instance.isRemembered(space, "g" + i)).isTrue();
        }
        HttpResponse<String> waited = instance.post(
                "/v1/spaces/" + space + "/observations?wait=indexed", "{\"content\":\"c\",\"embedding\":[5,1]}");
        assertThat(waited.statusCode()).isEqualTo(200);
        assertThat(Instance.json(waited).get("status").asText()).isEqualTo("indexed");
        HttpResponse<String> lines = instance.request(
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/x-ndjson")
                        .POST(
                                HttpRequest.BodyPublishers.ofString(
                                        "{\"content\":\"a\",\"embedding\":[5,2]}\n{\"content\":\"b\",\"embedding\":[5,2,3]}\n")),
                "/v1/spaces/" + space + "/observations?wait=indexed");
        assertThat(lines.statusCode()).isEqualTo(200);
        assertThat(Instance.json(lines).get("results").get(0).get("status").asText())
                .isEqualTo("indexed");
        assertThat(Instance.json(lines).get("results").get(1).get("reason").asText())
                .isEqualTo("invalid_observation");
    }

    @Test
    void shouldTimeOutWaitingForOffsetsThatDoNotCome() {
        observe("timeout", 1);
        int partition = Instance.json(instance.get("/v1/spaces"))
                .get("spaces")
                .findValuesAsText("space")
                .indexOf("timeout");
        JsonNode listed =
                Instance.json(instance.get("/v1/spaces")).get("spaces").get(partition);
        HttpResponse<String> response = instance.post(
                "/v1/spaces/timeout/recall",
                "{\"vector\":[1,0,0],\"timeout_ms\":200,\"min_offsets\":{\"low-"
                        + listed.get("partition").asInt() + "\":999}}");

        assertThat(response.statusCode()).isEqualTo(504);
        assertThat(Instance.json(response).get("detail").asText()).contains("not yet to 999");
    }

    @Test
    void shouldForgetAndDropOverHttp() {
        observe("forgetful", 5);
        HttpResponse<String> forgotten =
                instance.request(HttpRequest.newBuilder().DELETE(), "/v1/spaces/forgetful/memories/m2?wait=indexed");
        assertThat(forgotten.statusCode()).as(forgotten.body()).isEqualTo(200);
        assertThat(instance.recallIds("forgetful", "{\"vector\":[1,0,0]}")).containsExactly("m1", "m3", "m4", "m5");

        HttpResponse<String> dropped =
                instance.request(HttpRequest.newBuilder().DELETE(), "/v1/spaces/forgetful?wait=indexed");
        assertThat(dropped.statusCode()).as(dropped.body()).isEqualTo(200);
        assertThat(instance.post("/v1/spaces/forgetful/recall", "{\"vector\":[1,0,0]}")
                        .statusCode())
                .isEqualTo(404);
    }

    @Test
    void shouldAnswerARepetitionAsTheFirstTime() {
        String path = "/v1/spaces/repeated/observations?wait=indexed";
        String tea = "{\"id\":\"tea\",\"content\":\"at four\",\"embedding\":[1,0,0]}";
        String later = tea.replace("four", "five");
        for (String priority : List.of("normal", "normal", "high")) {
            HttpResponse<String> response = instance.post(path + "&priority=" + priority, tea);
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            assertThat(Instance.json(response).get("status").asText()).isEqualTo("indexed");
        }
        HttpResponse<String> lines = instance.request(
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/x-ndjson")
                        .POST(HttpRequest.BodyPublishers.ofString(tea + "\n" + later + "\n" + later + "\n")),
                path);
        assertThat(lines.statusCode()).as(lines.body()).isEqualTo(200);
        assertThat(Instance.json(lines).get("results").findValuesAsText("status"))
                .containsExactly("indexed", "indexed", "indexed");
        assertThat(Instance.json(lines).get("results").get(2).get("repeated").asBoolean())
                .isTrue();
        assertThat(Instance.json(instance.get("/v1/spaces/repeated/memories/tea"))
                        .get("content")
                        .asText())
                .isEqualTo("at five");
    }

    @Test
    void shouldWriteOverHttpWithoutASessionAndNameWhatHasNoId() {
        String path = "/v1/spaces/unnamed/observations?wait=indexed";
        String tea = "{\"content\":\"at four\",\"embedding\":[1,0,0]}";
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response = instance.post(path, tea);
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            assertThat(Instance.json(response).has("session")).isFalse();
            assertThat(Instance.json(response).has("repeated")).isFalse();
            ids.add(Instance.json(response).get("id").asText());
        }
        HttpResponse<String> lines = instance.request(
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/x-ndjson")
                        .POST(HttpRequest.BodyPublishers.ofString(tea + "\n" + tea + "\n")),
                path);
        ids.addAll(Instance.json(lines).get("results").findValuesAsText("id"));

        assertThat(ids).hasSize(4).doesNotHaveDuplicates();
        assertThat(instance.recallIds("unnamed", "{\"vector\":[1,0,0]}")).containsExactlyInAnyOrderElementsOf(ids);
        JsonNode memory = Instance.json(instance.get("/v1/spaces/unnamed/memories/" + ids.get(0)));
        assertThat(memory.has("session") || memory.has("sequence")).isFalse();
        HttpResponse<String> forgotten = instance.request(
                HttpRequest.newBuilder().DELETE(), "/v1/spaces/unnamed/memories/" + ids.get(0) + "?wait=indexed");
        assertThat(Instance.json(forgotten).get("id").asText()).isEqualTo(ids.get(0));
        assertThat(instance.isRemembered("unnamed", ids.get(0))).isFalse();
        // What came before it on the lane would be acknowledged before it.
        instance.send(Lane.NORMAL, "unnamed", Observation.observe("s", 1, "c", new float[] {1, 0, 1}));
        instance.flush();
        await().atMost(Duration.ofSeconds(10))
                .until(() -> lastProgress("unnamed/normal/s").isPresent());
        assertThat(instance.readAll("recall-sessions"))
                .extracting(record -> new String(record.key(), StandardCharsets.UTF_8))
                .filteredOn(key -> key.startsWith("unnamed/"))
                .containsOnly("unnamed/normal/s");
    }

    @Test
    void shouldAnswerAPostThatIsSentAgainWhateverTheFirstTimeAsked() {
        String path = "/v1/spaces/again/observations";
        String tea = "{\"id\":\"tea\",\"content\":\"at four\",\"embedding\":[1,0,0]}";
        HttpResponse<String> sent = instance.post(path, tea);
        assertThat(sent.statusCode()).as(sent.body()).isEqualTo(202);
        assertThat(Instance.json(sent).get("id").asText()).isEqualTo("tea");

        HttpResponse<String> again = instance.post(path + "?wait=indexed", tea);

        assertThat(again.statusCode()).as(again.body()).isEqualTo(200);
        assertThat(Instance.json(again).get("status").asText()).isEqualTo("indexed");
        assertThat(Instance.json(again).get("repeated").asBoolean()).isTrue();
        assertThat(Instance.json(again).get("id").asText()).isEqualTo("tea");
        assertThat(instance.recallIds("again", "{\"vector\":[1,0,0]}")).containsExactly("tea");
    }

    @Test
    void shouldTakeRecordsWithoutASessionFromAnyKafkaClient() {
        byte[] space = "foreign".getBytes(StandardCharsets.UTF_8);
        byte[] bare = "{\"content\":\"c\",\"embedding\":[1,2,3]}".getBytes(StandardCharsets.UTF_8);
        instance.sendRaw(Lane.NORMAL, space, bare);
        instance.sendRaw(Lane.NORMAL, space, bare);
        instance.flush();

        await().atMost(Duration.ofSeconds(20))
                .ignoreExceptions()
                .until(() ->
                        instance.recallIds("foreign", "{\"vector\":[1,2,3]}").size() == 2);
        int partition = SpacePartitioner.partition(space, 2);
        assertThat(instance.recallIds("foreign", "{\"vector\":[1,2,3]}"))
                .allMatch(id -> id.matches("normal-" + partition + "-[0-9]+"));
    }

    @Test
    void shouldShowCommittedReadsOnceCommitted() {
        observe("committed", 3);
        await().atMost(Duration.ofSeconds(10))
                .until(() -> instance.recallIds("committed", "{\"vector\":[1,0,0],\"consistency\":\"committed\"}")
                                .size()
                        == 3);
    }

    @Test
    void shouldAcknowledgeSessionsInTopicAndOverHttp() {
        observe("acknowledged", 7);
        await().atMost(Duration.ofSeconds(10))
                .until(() -> lastProgress("acknowledged/normal/s")
                        .filter(p -> p.acknowledgedSequence() == 7)
                        .isPresent());
        JsonNode session = Instance.json(instance.get("/v1/sessions/acknowledged/normal/s"));
        assertThat(session.get("expected_sequence").asLong()).isEqualTo(8);
        assertThat(session.get("state").asText()).isEqualTo("open");
    }

    private Optional<SessionProgress> lastProgress(String key) {
        Optional<SessionProgress> last = Optional.empty();
        for (var record : instance.readAll("recall-sessions")) {
            if (new String(record.key(), StandardCharsets.UTF_8).equals(key)) {
                last = Optional.ofNullable(record.value()).map(JsonCodec::decodeProgress);
            }
        }
        return last;
    }

    @Test
    void shouldDescribeTheInstance() {
        JsonNode cluster =
                Instance.json(instance.get("/v1/cluster")).get("instances").get(0);
        assertThat(cluster.get("ready").asBoolean()).isTrue();
        assertThat(cluster.get("partitions")).hasSize(2);
        assertThat(cluster.get("workers").get(0).get("worker_id").asText()).isEqualTo("0");
        assertThat(instance.get("/livez").body()).isEqualTo("ok\n");
    }
}
