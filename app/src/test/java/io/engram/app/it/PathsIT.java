package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.app.faults.Server;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A path is a route's or it is not: nothing that a client or a server makes of it deletes something else. */
class PathsIT {
    @TempDir
    Path stateDir;

    private Instance instance;

    @BeforeEach
    void start() throws InterruptedException {
        instance = Instance.start("paths", stateDir);
    }

    @AfterEach
    void stop() {
        instance.close();
    }

    /** The status of a request whose path goes over the wire as it is. */
    private int status(String method, String path) throws IOException {
        URI server = URI.create(instance.url());
        try (Socket socket = new Socket(server.getHost(), server.getPort())) {
            OutputStream out = socket.getOutputStream();
            out.write((method + " " + path + " HTTP/1.1\r\nHost: engram\r\nConnection: close\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            InputStream in = socket.getInputStream();
            String answer = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return Integer.parseInt(answer.substring("HTTP/1.1 ".length(), "HTTP/1.1 200".length()));
        }
    }

    @Test
    void shouldDropSpaceOnlyByItsExactPath() throws IOException {
        HttpResponse<String> written = instance.post(
                "/v1/spaces/kept/observations?wait=indexed", "{\"id\":\"tea\",\"content\":\"c\",\"embedding\":[1,0]}");
        assertThat(written.statusCode()).as(written.body()).isEqualTo(200);

        for (String path : List.of(
                "/v1/spaces/kept/",
                "/v1/spaces/kept//",
                "/v1/spaces//kept",
                "//v1/spaces/kept",
                "/v1//spaces/kept",
                "/v1/spaces/kept/memories/..",
                "/v1/spaces/kept/memories/../",
                "/v1/spaces/kept/memories/tea/../..",
                "/v1/spaces/kept/memories/%2e%2e",
                "/v1/spaces/kept/memories/%2E.",
                "/v1/spaces/kept/memories/.%2e/",
                "/v1/spaces/kept/memories/..;x",
                "/v1/spaces/kept/memories/.",
                "/v1/spaces/kept/memories/",
                "/v1/spaces/kept/memories",
                "/v1/spaces/kept/.",
                "/v1/spaces/./kept",
                "/v1/spaces/other/../kept",
                "/v1/spaces/other/%2e%2e/kept",
                "/v1/spaces/kept;x",
                "/v1/spaces/kept/;x",
                "/V1/spaces/kept",
                "/v1/spaces/kept%2f",
                "/v1/spaces/kept%2f..",
                "/v1/spaces/kept%00")) {
            assertThat(status("DELETE", path)).as(path).isBetween(400, 499);
        }
        // What was written to the lanes before is processed when this is.
        HttpResponse<String> later = instance.post(
                "/v1/spaces/kept/observations?wait=indexed", "{\"id\":\"new\",\"content\":\"c\",\"embedding\":[1,0]}");
        assertThat(later.statusCode()).as(later.body()).isEqualTo(200);
        assertThat(instance.get("/v1/spaces/kept/memories/tea").statusCode()).isEqualTo(200);
        assertThat(status("DELETE", "/v1/spaces/kept")).isEqualTo(202);
    }

    @ParameterizedTest
    @ValueSource(strings = {"::1", "[::1]", "::"})
    void shouldServeAndRouteOverIpv6(String host, @TempDir Path first, @TempDir Path second)
            throws IOException, InterruptedException {
        int port = Server.freePort();
        int other = Server.freePort();
        String name = "ipv6-" + Integer.toHexString(host.hashCode());
        try (Instance a = Instance.start(
                        name, first, "http.host=" + host, "http.port=" + port, "advertised.url=http://[::1]:" + port);
                Instance b = Instance.start(
                        name,
                        second,
                        "http.host=" + host,
                        "http.port=" + other,
                        "advertised.url=http://[::1]:" + other)) {
            assertThat(a.url()).isEqualTo("http://[::1]:" + port);
            for (int i = 0; i < 8; i++) {
                String observations = "/v1/spaces/s" + i + "/observations?wait=indexed";
                assertThat(a.post(observations, "{\"content\":\"c\",\"embedding\":[1,0]}")
                                .statusCode())
                        .isEqualTo(200);
                HttpResponse<String> recalled = b.post("/v1/spaces/s" + i + "/recall", "{\"vector\":[1,0]}");
                assertThat(recalled.body()).contains("\"content\":\"c\"").contains("\"served_by\":\"http://[::1]:");
            }
            assertThat(b.get("/v1/cluster").body()).contains("http://[::1]:" + port, "http://[::1]:" + other);
        }
    }
}
