package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP itself, whatever the routes: methods, codings, media types, connections. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HttpIT {
    private static final String SPACE = "http";
    private static final String RECALL = "/v1/spaces/" + SPACE + "/recall";
    private static final String QUERY = "{\"vector\":[1,0,0]}";

    private Instance instance;

    @BeforeAll
    void start(@TempDir Path stateDir) throws InterruptedException {
        instance = Instance.start("http", stateDir, "http.idle.timeout.ms=4000");
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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/livez",
                "/readyz",
                "/openapi.json",
                "/v1/spaces",
                "/v1/cluster",
                "/v1/spaces/" + SPACE + "/memories/one",
                "/v1/spaces/" + SPACE + "/memories/nobody",
                "/v1/spaces/not%20legal/settings",
                "/v1/spaces/none/settings",
                "/v1/sessions/" + SPACE + "/normal/none",
                "/v1/spaces/" + SPACE + "/records/nolane/x",
                "/v1/recall",
                "/v2/everything"
            })
    void shouldAnswerHeadAsGetWithoutABody(String path) {
        HttpResponse<String> get = instance.get(path);
        HttpResponse<String> head =
                instance.request(HttpRequest.newBuilder().method("HEAD", HttpRequest.BodyPublishers.noBody()), path);

        assertThat(head.statusCode()).isEqualTo(get.statusCode());
        assertThat(head.headers().firstValue("Content-Type"))
                .isEqualTo(get.headers().firstValue("Content-Type"));
        assertThat(head.body()).isEmpty();
    }

    @Test
    void shouldSayWhichMethodsARouteHas() {
        HttpResponse<String> options = instance.request(
                HttpRequest.newBuilder().method("OPTIONS", HttpRequest.BodyPublishers.noBody()),
                "/v1/spaces/" + SPACE + "/memories/one");

        assertThat(options.statusCode()).isEqualTo(204);
        assertThat(options.headers().firstValue("Allow").orElse(""))
                .contains("GET")
                .contains("HEAD")
                .contains("DELETE");
        assertThat(instance.request(
                                HttpRequest.newBuilder().method("OPTIONS", HttpRequest.BodyPublishers.noBody()),
                                "/v2/everything")
                        .statusCode())
                .isEqualTo(404);
    }

    private static byte[] gzip(byte[] bytes) {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            out.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private HttpResponse<String> post(String path, byte[] body, Map<String, String> headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder().POST(HttpRequest.BodyPublishers.ofByteArray(body));
        headers.forEach(request::header);
        return instance.request(request, path);
    }

    @Test
    void shouldUnpackGzipBodies() {
        Map<String, String> packed = Map.of("Content-Type", "application/json", "Content-Encoding", "gzip");
        HttpResponse<String> recalled = post(RECALL, gzip(bytes(QUERY)), packed);
        assertThat(recalled.statusCode()).as(recalled.body()).isEqualTo(200);

        HttpResponse<String> observed = post(
                "/v1/spaces/" + SPACE + "-packed/observations?wait=indexed",
                gzip(bytes("{\"content\":\"a\",\"embedding\":[1,0]}\n".repeat(1_000))),
                Map.of("Content-Type", "application/x-ndjson", "Content-Encoding", "GZip"));
        assertThat(observed.statusCode()).as(observed.body()).isIn(200, 202);
        assertThat(Instance.json(observed).get("results")).hasSize(1_000);
    }

    @Test
    void shouldRefuseWhatDoesNotUnpack() {
        HttpResponse<String> plain =
                post(RECALL, bytes(QUERY), Map.of("Content-Type", "application/json", "Content-Encoding", "gzip"));
        assertThat(plain.statusCode()).isEqualTo(400);
        assertThat(plain.body()).contains("Content-Encoding");

        HttpResponse<String> bomb = post(
                RECALL,
                gzip(new byte[64 << 20]),
                Map.of("Content-Type", "application/json", "Content-Encoding", "gzip"));
        assertThat(bomb.statusCode()).isEqualTo(413);
        assertThat(bomb.body()).contains("8388608");

        for (String coding : List.of("br", "gzip, gzip", "deflate")) {
            HttpResponse<String> unknown =
                    post(RECALL, bytes(QUERY), Map.of("Content-Type", "application/json", "Content-Encoding", coding));
            assertThat(unknown.statusCode()).isEqualTo(415);
            assertThat(unknown.body()).contains("Content-Encoding").contains("gzip");
            assertThat(unknown.headers().firstValue("Accept-Encoding")).contains("gzip");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "application/json | 200",
                "Application/JSON | 200",
                "application/json;charset=UTF-8 | 200",
                "application/json ; charset=utf-8 | 200",
                "application/jsonx | 415",
                "application/json-patch+json | 415",
                "text/plain | 415"
            })
    void shouldCompareTheTypeOfABodyAsSuch(String type, int status) {
        assertThat(post(RECALL, bytes(QUERY), Map.of("Content-Type", type)).statusCode())
                .isEqualTo(status);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "application/x-ndjson | application/x-ndjson",
                "Application/X-NDJSON; q=0.9, text/html; q=0.1 | application/x-ndjson",
                "application/json;q=0.5, application/x-ndjson | application/x-ndjson",
                "application/x-ndjson;q=0 | application/json",
                "application/x-ndjson;q=0.1, application/json | application/json",
                "application/x-ndjsonx | application/json",
                "*/* | application/json",
                "text/html | application/json"
            })
    void shouldAnswerWithTheTypeThatIsAccepted(String accept, String type) {
        HttpResponse<String> response =
                post(RECALL, bytes(QUERY), Map.of("Content-Type", "application/json", "Accept", accept));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type").orElse("")).startsWith(type);
    }

    @Test
    void shouldChargeChunkedBodiesWhatTheyCarry() throws IOException {
        URI url = URI.create(instance.url());
        // Together they could carry more than all bodies may; but they carry next to nothing.
        long slow = Runtime.getRuntime().maxMemory() / 8 / (8 << 20) + 20;
        List<Socket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < slow; i++) {
                Socket socket = new Socket(url.getHost(), url.getPort());
                sockets.add(socket);
                OutputStream out = socket.getOutputStream();
                out.write(bytes("POST " + RECALL
                        + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "1\r\n{\r\n"));
                out.flush();
            }
            HttpRequest.Builder chunked = HttpRequest.newBuilder()
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.fromPublisher(HttpRequest.BodyPublishers.ofString(QUERY)));
            HttpResponse<String> response = instance.request(chunked, RECALL);

            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void shouldCloseASilentConnectionAfterTheConfiguredTime() throws IOException {
        URI url = URI.create(instance.url());
        try (Socket socket = new Socket(url.getHost(), url.getPort())) {
            socket.setSoTimeout(60_000);
            socket.getOutputStream().write(bytes("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
            InputStream in = socket.getInputStream();
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            in.transferTo(answer);

            assertThat(answer.toString(StandardCharsets.UTF_8))
                    .startsWith("HTTP/1.1 200")
                    .endsWith("ok\n");
        }
    }
}
