package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.RejectionHeaders;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Everything that may come in wrong, through a real broker and a real socket. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputIT {
    private static final String SPACE = "bad-input";

    private Instance instance;

    @BeforeAll
    void start(@TempDir Path stateDir) throws InterruptedException {
        instance = Instance.start("bad-input", stateDir);
        instance.send(
                Lane.HIGH,
                SPACE,
                Observation.observe("first", 1, "there is a space", new float[] {1, 0, 0})
                        .withId("one"));
        instance.flush();
        await().atMost(Duration.ofSeconds(30)).until(() -> instance.isRemembered(SPACE, "one"));
    }

    @AfterAll
    void stop() {
        instance.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String json(String session, long sequence, String rest) {
        return "{\"session\":\"" + session + "\",\"sequence\":" + sequence + ",\"content\":\"c\"" + rest + "}";
    }

    @Test
    void shouldRejectEachBadRecordByteForByteAndGoOn() {
        String vector = ",\"embedding\":[1,2,3]";
        Map<String, byte[]> values = new LinkedHashMap<>();
        values.put("not JSON", bytes("hello"));
        values.put("not UTF-8", new byte[] {'{', (byte) 0xc3, '}'});
        values.put("empty", new byte[0]);
        values.put("5242880 bytes", bytes("{\"x\":\"" + "x".repeat((5 << 20) - 8) + "\"}"));
        values.put("session is missing", bytes("{\"sequence\":1,\"content\":\"c\"" + vector + "}"));
        values.put("sequence is missing", bytes("{\"session\":\"s\",\"content\":\"c\"" + vector + "}"));
        values.put("got 0", bytes(json("s", 0, vector)));
        values.put("got -1", bytes(json("s", -1, vector)));
        values.put("id is 300 bytes", bytes(json("s", 1, vector + ",\"id\":\"" + "i".repeat(300) + "\"")));
        values.put("embedding is missing", bytes(json("s2", 1, "")));
        values.put("this space has 3", bytes(json("s3", 1, ",\"embedding\":[1,2]")));
        values.put("zero vector", bytes(json("s4", 1, ",\"embedding\":[0,0,0]")));
        values.put("not base64", bytes(json("s5", 1, ",\"embedding\":\"%%%%\"")));
        values.put("100000 dimensions", bytes(json("s6", 1, ",\"embedding\":[" + "1,".repeat(99_999) + "1]")));
        values.put("lists hold single values", bytes(json("s7", 1, vector + ",\"metadata\":{\"a\":[{}]}")));
        values.put(
                "the limit is 16384",
                bytes(json("s8", 1, vector + ",\"metadata\":{\"a\":\"" + "x".repeat(17_000) + "\"}")));
        values.put("the limit is 1048576", bytes(json("s9", 1, vector + ",\"y\":\"" + "x".repeat(1 << 20) + "\"")));
        values.put("got the string \"explode\"", bytes(json("s10", 1, vector + ",\"op\":\"explode\"")));

        values.values().forEach(value -> instance.sendRaw(Lane.NORMAL, bytes(SPACE), value));
        instance.sendRaw(Lane.NORMAL, bytes(SPACE), null);
        instance.sendRaw(Lane.NORMAL, bytes("no legal space"), bytes(json("s", 1, vector)));
        instance.sendRaw(Lane.NORMAL, null, bytes(json("s", 1, vector)));
        byte[] lost = ObservationCodec.encode(Observation.observe("lost", 1, "wrong way", new float[] {1, 2, 3}));
        instance.sendTo(Lane.NORMAL, 1 - partition(), bytes(SPACE), lost);
        instance.send(
                Lane.NORMAL,
                SPACE,
                Observation.observe("good", 1, "after all that", new float[] {0, 1, 0})
                        .withId("after"));
        instance.flush();

        await().atMost(Duration.ofSeconds(30)).until(() -> instance.isRemembered(SPACE, "after"));
        int expected = values.size() + 4;
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(
                                rejected().stream().map(record -> Instance.header(record, RejectionHeaders.DETAIL)))
                        .hasSize(expected));
        List<ConsumerRecord<byte[], byte[]>> rejected = rejected();
        assertThat(rejected)
                .allSatisfy(record -> assertThat(Instance.reason(record)).isEqualTo("invalid_observation"));
        values.forEach((detail, value) -> assertThat(rejected).as(detail).anySatisfy(record -> {
            assertThat(record.value()).isEqualTo(value);
            assertThat(Instance.header(record, RejectionHeaders.DETAIL)).contains(detail);
        }));
        assertThat(rejected)
                .anySatisfy(record -> assertThat(Instance.header(record, RejectionHeaders.DETAIL))
                        .contains("partitioner=murmur2_random"));
        assertThat(instance.sumOf("engram_streaming_observations_rejected_total", "invalid_observation"))
                .isGreaterThanOrEqualTo(expected);
    }

    /** What was rejected on the normal lane, which only one test uses. */
    private List<ConsumerRecord<byte[], byte[]>> rejected() {
        return instance.rejected().stream()
                .filter(record ->
                        Instance.header(record, RejectionHeaders.SOURCE_TOPIC).endsWith("normal"))
                .toList();
    }

    private int partition() {
        for (JsonNode space : Instance.json(instance.get("/v1/spaces")).get("spaces")) {
            if (space.get("space").asText().equals(SPACE)) {
                return space.get("partition").asInt();
            }
        }
        throw new AssertionError("space " + SPACE + " is not listed");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{ | 400 | not JSON",
                "[] | 400 | must be a JSON object",
                "{} | 400 | vector is missing",
                "{\"vector\":[1,0,0],\"k\":0} | 400 | k must be a whole number from 1 to 1000, got 0",
                "{\"vector\":[1,0,0],\"k\":1000000000} | 400 | got 1000000000",
                "{\"vector\":[1,0,0],\"k\":\"5\"} | 400 | k must be",
                "{\"vector\":[1,0]} | 400 | has 3",
                "{\"vector\":[0,0,0]} | 400 | zero vector",
                "{\"vector\":[1,0,1e60]} | 400 | must be finite",
                "{\"vector\":\"A*A=\"} | 400 | not base64",
                "{\"vector\":[1,0,\"x\"]} | 400 | vector[2] must be a number",
                "{\"vector\":[1,0,0],\"top_k\":3} | 400 | unknown field 'top_k'",
                "{\"vector\":[1,0,0],\"min_similarity\":2} | 400 | min_similarity",
                "{\"vector\":[1,0,0],\"filter\":[1]} | 400 | filter must be",
                "{\"vector\":[1,0,0],\"filter\":{\"a\":{\"near\":1}}} | 400 | filter.a",
                "{\"vector\":[1,0,0],\"consistency\":\"strong\"} | 400 | recent or committed",
                "{\"vector\":[1,0,0],\"include\":[\"vector\"]} | 400 | include must be",
                "{\"vector\":[1,0,0],\"filter\":{\"a\":{\"gt\":1,\"gt\":5}}} | 400 | Duplicate field 'gt'",
                "{\"vector\":[1,0,0],\"filter\":{\"a\":null}} | 400 | filter.a must be",
                "{\"vector\":[1,0,0],\"filter\":{\"a\":\"x\\ud83d\"}} | 400 | half a surrogate pair at character 1",
                "{\"vector\":[1,0,0],\"filter\":{\"a\":NaN}} | 400 | filter.a must be a finite number",
                "{\"vector\":\"AACAPwAAgD8AAIA\"} | 400 | vector is not base64",
                "{\"vector\":[1,0,0],\"min_similarity\":1.00000000000000000001} | 400 | min_similarity",
                "{\"vector\":[1,0,0],\"min_offsets\":{\"normal-0\":18446744073709551621}} | 400 | 18446744073709551621",
                "{\"vector\":[1,0,0],\"min_offsets\":{\"normal-0\":-1}} | 400 | got -1",
                "{\"vector\":[1,0,0],\"min_offsets\":{\"normal-0\":1.0}} | 400 | got 1.0",
                "{\"vector\":[1,0,0],\"min_offsets\":{\"normal-99\":1}} | 400 | normal-99",
                "{\"vector\":[1,0,0],\"timeout_ms\":0} | 400 | timeout_ms"
            })
    void shouldAnswerBadRecallWithAProblem(String body, int status, String detail) {
        HttpResponse<String> response = instance.post("/v1/spaces/" + SPACE + "/recall", body);

        assertProblem(response, status, detail);
    }

    @Test
    void shouldAnswerOtherMistakesWithAProblem() {
        assertProblem(
                instance.post("/v1/spaces/nowhere/recall", "{\"vector\":[1,0,0]}"), 404, "no memory space 'nowhere'");
        assertProblem(instance.post("/v1/spaces/not%20legal/recall", "{\"vector\":[1,0,0]}"), 400, "not legal");
        assertProblem(instance.get("/v1/spaces/" + SPACE + "/memories/nobody"), 404, "nobody");
        assertProblem(instance.get("/v1/sessions/" + SPACE + "/normal/nobody"), 404, "nobody");
        assertProblem(instance.get("/v1/sessions/" + SPACE + "/fast/nobody"), 400, "fast");
        assertProblem(instance.get("/v2/everything"), 404, "/v2/everything");
        HttpResponse<String> method = instance.get("/v1/spaces/" + SPACE + "/recall");
        assertProblem(method, 405, "POST");
        assertThat(method.headers().firstValue("Allow")).contains("POST, OPTIONS");
        assertProblem(
                instance.request(
                        HttpRequest.newBuilder()
                                .header("Content-Type", "text/plain")
                                .POST(HttpRequest.BodyPublishers.ofString("{}")),
                        "/v1/spaces/" + SPACE + "/recall"),
                415,
                "application/json");
        assertProblem(
                instance.post("/v1/spaces/" + SPACE + "/recall", "{\"x\":\"" + "x".repeat(9 << 20) + "\"}"),
                413,
                "8388608");
        assertProblem(
                instance.post(
                        "/v1/spaces/" + SPACE + "/observations",
                        "{\"content\":\"c\",\"embedding\":[1,2,3],\"sequence\":1}"),
                400,
                "session and sequence");
        assertProblem(
                instance.post(
                        "/v1/spaces/" + SPACE + "/observations?priority=urgent",
                        "{\"content\":\"c\",\"embedding\":[1,2,3]}"),
                400,
                "urgent");
        assertProblem(
                instance.post(
                        "/v1/spaces/" + SPACE + "/observations?wait=indexed&priority=low",
                        "{\"content\":\"c\",\"embedding\":[1,2]}"),
                400,
                "has 3");
        for (String unknown : List.of("/v1/spaces/" + SPACE + "/memories/nobody", "/v1/spaces/nowhere")) {
            assertThat(instance.request(HttpRequest.newBuilder().DELETE(), unknown + "?wait=indexed")
                            .statusCode())
                    .as("what is forgotten may be on its way")
                    .isEqualTo(200);
        }
    }

    @Test
    void shouldDropNothingWhenClientsTakeDotsOutOfUrls() {
        assertProblem(
                instance.post(
                        "/v1/spaces/" + SPACE + "/observations",
                        "{\"id\":\"..\",\"content\":\"c\",\"embedding\":[1,2,3]}"),
                400,
                "id is '..'");
        for (String path :
                List.of("/v1/spaces/" + SPACE + "/", "/v1/spaces/" + SPACE + "/memories/", "/v1/spaces/_other")) {
            assertThat(instance.request(HttpRequest.newBuilder().DELETE(), path).statusCode())
                    .as(path)
                    .isIn(400, 404);
        }
        assertProblem(instance.post("/v1/spaces/_a/recall", "{\"vector\":[1,0,0]}"), 400, "not starting with _");
        assertThat(instance.isRemembered(SPACE, "one")).isTrue();
    }

    @Test
    void shouldCheckQueryParameters() {
        String memory = "/v1/spaces/" + SPACE + "/memories/one";
        assertProblem(instance.get(memory + "?include=embeding"), 400, "include must be embedding");
        assertProblem(instance.get(memory + "?includes=embedding"), 400, "unknown query parameter 'includes'");
        assertProblem(instance.get(memory + "?active=true"), 400, "unknown query parameter 'active'");
        assertProblem(instance.get("/v1/spaces/" + SPACE + "/records/normal/-1"), 400, "offset must be a whole number");
        assertProblem(
                instance.get("/v1/spaces/" + SPACE + "/records/normal/0?timeout_ms=18446744073709551616"),
                400,
                "timeout_ms must be a whole number");
        String observation = "{\"content\":\"c\",\"embedding\":[1,2,3]}";
        assertProblem(
                instance.post("/v1/spaces/" + SPACE + "/observations?wait=yes", observation),
                400,
                "wait must be indexed");
        assertProblem(
                instance.post("/v1/spaces/" + SPACE + "/observations?priorty=low", observation), 400, "'priorty'");
    }

    private static void assertProblem(HttpResponse<String> response, int status, String detail) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("Content-Type").orElse("")).startsWith("application/problem+json");
        JsonNode problem = Instance.json(response);
        assertThat(problem.get("status").asInt()).isEqualTo(status);
        assertThat(problem.get("title").asText()).isNotBlank();
        assertThat(problem.get("detail").asText()).contains(detail);
    }

    @Test
    void shouldServeOthersBesideAThousandSlowClients() throws IOException {
        URI url = URI.create(instance.url());
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 1_000; i++) {
                Socket socket = new Socket(url.getHost(), url.getPort());
                slow.add(socket);
                OutputStream out = socket.getOutputStream();
                // Half never finish their headers, half never finish their body.
                String head = "POST /v1/spaces/" + SPACE
                        + "/recall HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
                out.write(bytes(i % 2 == 0 ? head : head + "Content-Length: 100000\r\n\r\n{"));
                out.flush();
            }
            long start = System.nanoTime();
            for (int i = 0; i < 50; i++) {
                assertThat(instance.recallIds(SPACE, "{\"vector\":[1,0,0],\"k\":1}"))
                        .containsExactly("one");
                assertThat(instance.get("/readyz").statusCode()).isEqualTo(200);
            }
            assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start))
                    .isLessThan(30);
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }
}
