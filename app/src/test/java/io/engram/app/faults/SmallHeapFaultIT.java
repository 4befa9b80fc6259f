package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Large answers for many clients at once, from a process with a small heap: each is given or refused, and it lives on. */
@Tag("alone")
class SmallHeapFaultIT {
    private static final int DIMENSION = 2_048;
    private static final int MEMORIES = 600;
    private static final int CLIENTS = 32;
    private static final String SPACE = "/v1/spaces/large";

    private final HttpClient http = HttpClient.newHttpClient();
    private final Random random = new Random(1);

    private String vector() {
        ByteBuffer bytes = ByteBuffer.allocate(DIMENSION * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < DIMENSION; i++) {
            bytes.putFloat(random.nextFloat() - 0.5f);
        }
        return Base64.getEncoder().encodeToString(bytes.array());
    }

    private static HttpRequest post(Server instance, String path, String type, String body) {
        return HttpRequest.newBuilder(URI.create(instance.url(path)))
                .header("Content-Type", type)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    @Test
    void shouldGiveOrRefuseLargeAnswersAndLiveOn(@TempDir Path directory) throws Exception {
        int port = Server.freePort();
        try (Server broker = Server.broker(directory.resolve("broker"), port)) {
            broker.awaitReady();
            try (Server instance = Server.instance(
                    directory.resolve("instance"),
                    port,
                    Server.freePort(),
                    List.of("-Xmx256m", "-XX:+ExitOnOutOfMemoryError"),
                    "recall.timeout.ms=30000")) {
                instance.awaitReady();
                remember(instance);

                List<CompletableFuture<HttpResponse<Void>>> asked = new ArrayList<>();
                String query = "{\"vector\":\"" + vector() + "\",\"k\":1000,\"include\":[\"embedding\"]}";
                for (int i = 0; i < CLIENTS; i++) {
                    asked.add(http.sendAsync(
                            post(instance, SPACE + "/recall", "application/json", query),
                            HttpResponse.BodyHandlers.discarding()));
                }
                int given = 0;
                for (CompletableFuture<HttpResponse<Void>> answer : asked) {
                    HttpResponse<Void> response = answer.get(120, TimeUnit.SECONDS);
                    assertThat(response.statusCode()).isIn(200, 429);
                    given += response.statusCode() == 200 ? 1 : 0;
                    assertThat(response.headers().firstValue("Retry-After").isPresent())
                            .isEqualTo(response.statusCode() == 429);
                }

                assertThat(given).isPositive();
                assertThat(status(instance, "/livez")).isEqualTo(200);
                assertThat(status(instance, "/readyz")).isEqualTo(200);
                remember(instance);
                assertThat(instance.output()).doesNotContain("OutOfMemoryError");
            }
        }
    }

    private void remember(Server instance) throws Exception {
        for (int from = 0; from < MEMORIES; from += 100) {
            StringBuilder lines = new StringBuilder();
            for (int i = from; i < from + 100; i++) {
                lines.append("{\"id\":\"m%d\",\"content\":\"c\",\"embedding\":\"%s\"}\n".formatted(i, vector()));
            }
            HttpResponse<String> response = http.send(
                    post(instance, SPACE + "/observations?wait=indexed", "application/x-ndjson", lines.toString()),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isIn(200, 202);
        }
    }

    private int status(Server instance, String path) throws Exception {
        return http.send(
                        HttpRequest.newBuilder(URI.create(instance.url(path))).build(),
                        HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }
}
