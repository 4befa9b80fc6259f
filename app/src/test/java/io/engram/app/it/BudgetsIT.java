package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.faults.Server;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.topology.SpacePartitioner;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** One client, however large its answers and however long it waits, leaves room for others. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("alone")
class BudgetsIT {
    private static final String SPACE = "budgets";
    private static final int DIMENSION = 1_024;
    private static final int MEMORIES = 600;
    private static final int WORKING = 2;
    private static final int WAITING = 6;

    private Instance instance;
    private int partition;

    @BeforeAll
    void start(@TempDir Path stateDir) throws InterruptedException {
        instance = Instance.start(
                "budgets",
                stateDir,
                "http.max.concurrent.requests=" + WORKING,
                "http.max.waiting.requests=" + WAITING,
                "http.address.share=1",
                "recall.timeout.ms=60000");
        for (int i = 0; i < MEMORIES; i++) {
            instance.send(
                    Lane.HIGH,
                    SPACE,
                    Observation.observe("first", i + 1, "content " + i, vector(i))
                            .withId("m" + i));
        }
        instance.flush();
        instance.awaitMemories(MEMORIES);
        partition = Instance.json(instance.get("/v1/spaces"))
                .get("spaces")
                .get(0)
                .get("partition")
                .asInt();
    }

    @AfterAll
    void stop() {
        instance.close();
    }

    private static float[] vector(int i) {
        float[] vector = new float[DIMENSION];
        vector[0] = 1;
        vector[1 + i % (DIMENSION - 1)] = i / 1_000f;
        return vector;
    }

    private static String query(String rest) {
        StringBuilder query = new StringBuilder("{\"vector\":[1");
        query.append(",0".repeat(DIMENSION - 1));
        return query.append(']').append(rest).append('}').toString();
    }

    /** More than an answer holds: the rest is read while it is written. */
    @Test
    void shouldAnswerWithMoreThanItHolds() {
        JsonNode answer = instance.recall(SPACE, query(",\"k\":1000,\"include\":[\"content\",\"embedding\"]"));

        assertThat(answer.get("results")).hasSize(MEMORIES);
        assertThat(answer.get("partial").asBoolean()).isFalse();
        double before = 1;
        for (int i = 0; i < MEMORIES; i++) {
            JsonNode result = answer.get("results").get(i);
            assertThat(result.get("id").asText()).isEqualTo("m" + i);
            assertThat(result.get("content").asText()).isEqualTo("content " + i);
            assertThat(result.get("embedding")).hasSize(DIMENSION);
            assertThat(result.get("similarity").asDouble()).isLessThanOrEqualTo(before);
            before = result.get("similarity").asDouble();
        }
    }

    @Test
    void shouldAnswerTheSameInLines() throws IOException {
        String body = query(",\"k\":1000,\"include\":[\"embedding\"]");
        HttpResponse<String> lines = instance.request(
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/json")
                        .header("Accept", "application/x-ndjson")
                        .POST(HttpRequest.BodyPublishers.ofString(body)),
                "/v1/spaces/" + SPACE + "/recall");
        List<JsonNode> results = new ArrayList<>();
        List<String> split = lines.body().lines().toList();
        for (String line : split.subList(0, split.size() - 1)) {
            JsonNode batch = Instance.MAPPER.readTree(line).get("results");
            assertThat(batch.size()).isLessThanOrEqualTo(10);
            batch.forEach(results::add);
        }
        JsonNode last = Instance.MAPPER.readTree(split.get(split.size() - 1));

        assertThat(last.get("done").asBoolean()).isTrue();
        assertThat(last.get("partial").asBoolean()).isFalse();
        List<JsonNode> whole = new ArrayList<>();
        instance.recall(SPACE, body).get("results").forEach(whole::add);
        assertThat(results).hasSize(MEMORIES).isEqualTo(whole);
    }

    @Test
    void shouldMergeWhatSeveralSpacesAnswer() {
        HttpResponse<String> response = instance.post(
                "/v1/recall",
                query(",\"spaces\":[\"" + SPACE + "\",\"nowhere\"],\"k\":400,\"include\":[\"embedding\"]"));

        JsonNode answer = Instance.json(response);
        assertThat(answer.get("results")).hasSize(400);
        assertThat(answer.get("results").get(399).get("id").asText()).isEqualTo("m399");
        assertThat(answer.get("results").get(399).get("space").asText()).isEqualTo(SPACE);
        assertThat(answer.get("partial").asBoolean()).isTrue();
        assertThat(answer.get("failed").get(0).get("space").asText()).isEqualTo("nowhere");
    }

    /** A connection on which a recall was sent that waits for an offset that nothing has yet. */
    private Socket waiter() throws IOException {
        return post(
                instance,
                "/v1/spaces/" + SPACE + "/recall",
                query(",\"k\":1,\"timeout_ms\":60000,\"min_offsets\":{\"normal-" + partition + "\":1000000000}"));
    }

    private static Socket post(Instance to, String path, String body) throws IOException {
        URI url = URI.create(to.url());
        Socket socket = new Socket(url.getHost(), url.getPort());
        socket.getOutputStream()
                .write(("POST " + path
                                + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
                                + body.length() + "\r\n\r\n" + body)
                        .getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    private int recallStatus() {
        return instance.post("/v1/spaces/" + SPACE + "/recall", query(",\"k\":1"))
                .statusCode();
    }

    private double left() {
        return instance.sumOf("engram_recalls_total", "client_closed");
    }

    @Test
    void shouldAnswerOthersWhileRequestsWait() throws IOException {
        double before = left();
        List<Socket> waiting = new ArrayList<>();
        try {
            for (int i = 0; i < WAITING; i++) {
                waiting.add(waiter());
                await().atMost(Duration.ofSeconds(10)).until(() -> recallStatus() == 200);
            }
            for (Socket socket : waiting) {
                assertThat(socket.getInputStream().available())
                        .as("a request that waits has no answer yet")
                        .isZero();
            }

            try (Socket tooMany = waiter()) {
                InputStream in = tooMany.getInputStream();
                BufferedReader answer = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
                assertThat(answer.readLine()).startsWith("HTTP/1.1 429");
                List<String> headers = new ArrayList<>();
                for (String line = answer.readLine(); !line.isEmpty(); line = answer.readLine()) {
                    headers.add(line);
                }
                assertThat(headers).anyMatch(header -> header.startsWith("Retry-After: "));
            }
        } finally {
            for (Socket socket : waiting) {
                socket.close();
            }
        }
        await().atMost(Duration.ofSeconds(30)).until(() -> left() == before + WAITING);
    }

    /** The status of a recall that would wait for a moment. */
    private int waitingStatus() {
        return instance.post(
                        "/v1/spaces/" + SPACE + "/recall",
                        query(",\"timeout_ms\":1,\"min_offsets\":{\"normal-" + partition + "\":1000000000}"))
                .statusCode();
    }

    @Test
    void shouldWaitNoLongerThanTheClientDoes() throws IOException {
        double before = left();
        List<Socket> waiting = new ArrayList<>();
        for (int i = 0; i < WAITING; i++) {
            waiting.add(waiter());
            await().atMost(Duration.ofSeconds(10)).until(() -> recallStatus() == 200);
        }
        await().atMost(Duration.ofSeconds(30)).until(() -> waitingStatus() == 429);
        for (Socket socket : waiting) {
            socket.close();
        }

        // Their own time is a minute.
        await().atMost(Duration.ofSeconds(30)).until(() -> left() == before + WAITING);
        assertThat(waitingStatus()).isEqualTo(504);
    }

    @Test
    void shouldWaitAtAnotherInstanceNoLongerThanTheClientDoes(@TempDir Path first, @TempDir Path second)
            throws Exception {
        String[] settings = {"http.max.waiting.requests=1", "http.address.share=1", "recall.timeout.ms=60000"};
        try (Instance one = Instance.start("budgets-of-two", first, withPort(settings));
                Instance two = Instance.start("budgets-of-two", second, withPort(settings))) {
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> one.sumOf("engram_partitions", "active") == 1
                            && two.sumOf("engram_partitions", "active") == 1);
            String space = "elsewhere-" + spaceServedBy(one, two);
            String wait = "/v1/spaces/" + space + "/recall";
            String moment = "{\"vector\":[1,0],\"timeout_ms\":1,\"min_offsets\":{\"normal-"
                    + SpacePartitioner.partition(space, 2) + "\":1000000000}}";
            Socket client = post(one, wait, moment.replace("\"timeout_ms\":1,", "\"timeout_ms\":60000,"));
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> two.post(wait, moment).statusCode() == 429);
            client.close();

            await().atMost(Duration.ofSeconds(30))
                    .until(() -> two.post(wait, moment).statusCode() == 504);
            await().atMost(Duration.ofSeconds(10)).until(() -> one.sumOf("engram_recalls_total", "client_closed") == 1);
            assertThat(two.sumOf("engram_recalls_total", "client_closed"))
                    .as("it was another instance's client")
                    .isZero();
        }
    }

    private static String[] withPort(String... settings) throws IOException {
        String[] more = Arrays.copyOf(settings, settings.length + 1);
        more[settings.length] = "http.port=" + Server.freePort();
        return more;
    }

    /** The number of a space that one instance asks another about. */
    private static int spaceServedBy(Instance one, Instance two) {
        return IntStream.range(0, 64)
                .filter(i -> {
                    String space = "/v1/spaces/elsewhere-" + i;
                    one.post(space + "/observations?wait=indexed", "{\"content\":\"c\",\"embedding\":[1,0]}");
                    HttpResponse<String> recalled = one.post(space + "/recall", "{\"vector\":[1,0]}");
                    return recalled.body().contains("\"" + two.url() + "\"");
                })
                .findFirst()
                .orElseThrow();
    }

    @Test
    void shouldRefuseABodyOfVeryManyValues() {
        HttpResponse<String> response = instance.post(
                "/v1/spaces/" + SPACE + "/recall",
                "{\"vector\":[1,0],\"filter\":{\"n\":[" + "11,".repeat(100_000) + "1]}}");

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("too many values");
    }
}
