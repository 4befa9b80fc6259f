package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.app.faults.Server;
import io.engram.app.query.Peers;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is there after a stop, and what a standby holds. */
class RestartIT {
    private static final int COUNT = 400;

    private static Observation observation(int i) {
        return Observation.observe("s", i, "memory " + i, new float[] {1, i, i % 7})
                .withId("m" + i);
    }

    private static void send(Instance instance) {
        for (int i = 1; i <= COUNT; i++) {
            instance.send(Lane.NORMAL, "kept", observation(i));
        }
        instance.send(Lane.NORMAL, "kept", Observation.forget("s", COUNT + 1, "m7"));
        instance.send(Lane.NORMAL, "gone", Observation.observe("s", 1, "x", new float[] {1, 2}));
        instance.send(Lane.NORMAL, "gone", Observation.of(Operation.DROP, "s", 2));
        instance.flush();
        instance.awaitMemories(COUNT - 1);
    }

    private static void assertKept(Instance instance) {
        instance.awaitMemories(COUNT - 1);
        assertThat(instance.recallIds("kept", "{\"vector\":[1,9,2],\"k\":1}")).containsExactly("m9");
        assertThat(instance.isRemembered("kept", "m7")).isFalse();
        assertThat(instance.post("/v1/spaces/gone/recall", "{\"vector\":[1,2]}").statusCode())
                .isEqualTo(404);
        // Sessions go on, and know what was sent before.
        instance.send(Lane.NORMAL, "kept", observation(12));
        instance.send(Lane.NORMAL, "kept", Observation.observe("s", COUNT + 2, "after", new float[] {0, 0, 1}));
        instance.flush();
        instance.awaitMemories(COUNT);
        await().atMost(Duration.ofSeconds(10))
                .until(() -> instance.sumOf("engram_streaming_observations_rejected_total", "kept", "duplicate") == 1);
        assertThat(instance.sumOf("engram_streaming_observations_rejected_total"))
                .isEqualTo(1);
    }

    @Test
    void shouldKeepEverythingOverACleanRestart(@TempDir Path stateDir) throws InterruptedException {
        try (Instance instance = Instance.start("restart", stateDir)) {
            send(instance);
        }
        try (Instance instance = Instance.start("restart", stateDir)) {
            assertKept(instance);
        }
    }

    @Test
    void shouldRebuildFromTheChangelogWhenLocalStateIsGone(@TempDir Path before, @TempDir Path after)
            throws InterruptedException {
        try (Instance instance = Instance.start("rebuild", before)) {
            send(instance);
        }
        try (Instance instance = Instance.start("rebuild", after)) {
            assertKept(instance);
        }
    }

    @Test
    void shouldBuildTheIndexOnAStandbyAndTakeOver(@TempDir Path first, @TempDir Path second)
            throws InterruptedException {
        String[] settings = {"partitions=1", "standby.replicas=1"};
        Instance active = Instance.start("standby", first, settings);
        try (Instance standby = Instance.start("standby", second, settings)) {
            send(active);
            // One has the task, the other its standby: both have the whole index.
            standby.awaitMemories(COUNT - 1);
            active.close();
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> standby.get("/readyz").statusCode() == 200
                            && standby.get("/v1/spaces").statusCode() == 200);
            assertKept(standby);
        } finally {
            active.close();
        }
    }

    /** As another instance asks: only the one that is asked may answer. */
    private static HttpResponse<String> askItAlone(Instance instance, String path, String body) {
        HttpRequest.Builder request = HttpRequest.newBuilder().header(Peers.HOP_HEADER, "1");
        return instance.request(
                body.isEmpty()
                        ? request.GET()
                        : request.header("Content-Type", "application/json")
                                .POST(HttpRequest.BodyPublishers.ofString(body)),
                path);
    }

    /** One that the other can reach. */
    private static Instance startOneOfTwo(Path stateDir) throws Exception {
        return Instance.start(
                "unknown", stateDir, "partitions=1", "standby.replicas=1", "http.port=" + Server.freePort());
    }

    @Test
    void shouldLeaveItToTheActiveCopyToSayThatSomethingIsNotThere(@TempDir Path first, @TempDir Path second)
            throws Exception {
        String recall = "{\"vector\":[1,9,2],\"k\":1}";
        try (Instance one = startOneOfTwo(first);
                Instance two = startOneOfTwo(second)) {
            send(one);
            two.awaitMemories(COUNT - 1);
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(Stream.of(one, two)
                                    .map(instance -> Instance.json(
                                                    askItAlone(instance, "/v1/spaces/kept/recall", recall))
                                            .path("role")
                                            .asText()))
                            .containsExactlyInAnyOrder("active", "standby"));
            for (String path :
                    List.of("/v1/spaces/none/settings", "/v1/spaces/kept/memories/none", "/v1/spaces/none/recall")) {
                List<HttpResponse<String>> answers = Stream.of(one, two)
                        .map(instance -> askItAlone(instance, path, path.endsWith("recall") ? recall : ""))
                        .toList();
                assertThat(answers.stream().map(HttpResponse::statusCode))
                        .as(path)
                        .containsExactly(404, 404);
                assertThat(answers.stream()
                                .map(answer -> answer.headers()
                                        .firstValue(Peers.UNSURE_HEADER)
                                        .isPresent()))
                        .as("of " + path + " only the standby says that it may be wrong")
                        .containsExactlyInAnyOrder(true, false);
            }
            assertThat(Stream.of(one, two)
                            .map(instance -> instance.post("/v1/spaces/none/recall", recall)
                                    .statusCode()))
                    .as("asked of either, the active one is asked")
                    .containsExactly(404, 404);
        }
    }
}
