package io.engram.app.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HardenedServerTest {
    private static final int THREADS = 8;
    private static final int ANSWER_BYTES = 60_000;
    /** More than the buffers of a connection hold. */
    private static final int REQUESTS = 100;

    private final HardenedServer server = new HardenedServer(
            "http.port",
            "127.0.0.1",
            0,
            new HardenedServer.Limits(
                    THREADS, 1 << 10, new Budget(1 << 16, 1, System::nanoTime), Answers.SMALL_BYTES, 1_000, 60_000),
            error -> {},
            routes -> {
                routes.get("/livez", context -> context.result("ok"));
                routes.get("/text", context -> context.result("x".repeat(ANSWER_BYTES)));
            });

    @AfterEach
    void stop() {
        server.close();
    }

    private static final int CONNECTIONS = 16;

    private static HardenedServer small(CountDownLatch latch) {
        return new HardenedServer(
                "http.port",
                "127.0.0.1",
                0,
                new HardenedServer.Limits(
                        THREADS,
                        1 << 10,
                        new Budget(1 << 16, 1, System::nanoTime),
                        Answers.SMALL_BYTES,
                        CONNECTIONS,
                        60_000),
                error -> {},
                routes -> {
                    routes.get("/livez", context -> context.result("ok"));
                    routes.get("/slow", context -> {
                        latch.await();
                        context.result("done");
                    });
                });
    }

    private static Socket sending(HardenedServer server, String bytes) throws IOException {
        URI url = URI.create(server.url());
        Socket socket = new Socket(url.getHost(), url.getPort());
        socket.setSoTimeout(20_000);
        socket.getOutputStream().write(bytes.getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    /** Less than after which a connection without a request is closed in any case. */
    private static String livez(HardenedServer server) throws Exception {
        try (Socket socket = sending(server, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) {
            socket.setSoTimeout(8_000);
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    @Test
    void shouldAnswerBesideManyHalfRequestsAndFinishWhatItWorksOn() throws Exception {
        CountDownLatch latch = new CountDownLatch(1);
        List<Socket> halves = new ArrayList<>();
        try (HardenedServer small = small(latch);
                Socket slow = sending(small, "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) {
            for (int i = 0; i < 5 * CONNECTIONS; i++) {
                halves.add(sending(small, "GET /livez HTTP/1.1\r\nHost: x\r\nAccept: te"));
            }
            for (int i = 0; i < 3; i++) {
                assertThat(livez(small)).startsWith("HTTP/1.1 200").endsWith("ok");
            }
            latch.countDown();
            assertThat(new String(slow.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
                    .startsWith("HTTP/1.1 200")
                    .endsWith("done");
        } finally {
            latch.countDown();
            for (Socket socket : halves) {
                socket.close();
            }
        }
    }

    @Test
    void shouldAnswerBesideManySilentConnectionsThatWereServedOnce() throws Exception {
        List<Socket> silent = new ArrayList<>();
        try (HardenedServer small = small(new CountDownLatch(0))) {
            for (int i = 0; i < 5 * CONNECTIONS; i++) {
                Socket socket = sending(small, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
                silent.add(socket);
                assertThat(head(socket.getInputStream())).startsWith("HTTP/1.1 200");
            }
            assertThat(livez(small)).startsWith("HTTP/1.1 200").endsWith("ok");
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
    }

    @Test
    void shouldAnswerAfterAllConnectionsWereBusyAndAreKept() throws Exception {
        CountDownLatch latch = new CountDownLatch(1);
        List<Socket> kept = new ArrayList<>();
        try (HardenedServer small = small(latch)) {
            for (int i = 0; i < CONNECTIONS; i++) {
                kept.add(sending(small, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"));
            }
            latch.countDown();
            for (Socket socket : kept) {
                assertThat(head(socket.getInputStream())).startsWith("HTTP/1.1 200");
            }
            assertThat(livez(small)).startsWith("HTTP/1.1 200").endsWith("ok");
        } finally {
            latch.countDown();
            for (Socket socket : kept) {
                socket.close();
            }
        }
    }

    private Socket unread(int requests) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(1 << 12);
        socket.setSoTimeout(20_000);
        URI url = URI.create(server.url());
        socket.connect(new InetSocketAddress(url.getHost(), url.getPort()));
        String one = "GET /text HTTP/1.1\r\nHost: x\r\n\r\n";
        String last = "GET /text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        socket.getOutputStream().write((one.repeat(requests - 1) + last).getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    private HttpResponse<String> get(String method, String path) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(server.url() + path))
                                .method(method, HttpRequest.BodyPublishers.noBody())
                                .timeout(Duration.ofSeconds(20))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void shouldKeepNoThreadForAClientThatDoesNotRead() throws Exception {
        List<Socket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < 3 * THREADS; i++) {
                sockets.add(unread(REQUESTS));
            }
            for (int i = 0; i < 20; i++) {
                assertThat(get("GET", "/livez").body()).isEqualTo("ok");
            }
            assertThat(answers(sockets.get(0))).isEqualTo(REQUESTS);
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    /** Whole answers on a connection that the server closes. */
    private static int answers(Socket socket) throws IOException {
        InputStream in = new BufferedInputStream(socket.getInputStream());
        int answers = 0;
        while (true) {
            String head = head(in);
            if (head.isEmpty()) {
                return answers;
            }
            assertThat(head).startsWith("HTTP/1.1 200").contains("Content-Length: " + ANSWER_BYTES);
            assertThat(in.readNBytes(ANSWER_BYTES)).hasSize(ANSWER_BYTES).containsOnly('x');
            answers++;
        }
    }

    private static String head(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        for (int b = in.read(); b >= 0; b = in.read()) {
            head.write(b);
            String text = head.toString(StandardCharsets.US_ASCII);
            if (text.endsWith("\r\n\r\n")) {
                return text;
            }
        }
        return head.toString(StandardCharsets.US_ASCII);
    }

    @Test
    void shouldAnswerErrorsAndHeadAsOthersDo() throws Exception {
        assertThat(get("GET", "/nothing").statusCode()).isEqualTo(404);
        assertThat(get("GET", "/nothing").body()).contains("there is no route /nothing");
        HttpResponse<String> head = get("HEAD", "/text");
        assertThat(head.body()).isEmpty();
        assertThat(head.headers().firstValueAsLong("Content-Length")).hasValue(ANSWER_BYTES);
        assertThat(get("GET", "/text").body()).hasSize(ANSWER_BYTES);
    }
}
