package io.engram.app.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CallerTest {
    private static final Duration LONG = Duration.ofSeconds(20);

    private final CountDownLatch answer = new CountDownLatch(1);
    private final AtomicInteger entered = new AtomicInteger();
    private final AtomicInteger left = new AtomicInteger();
    private final Concurrency concurrency = new Concurrency(1, 1, 1, System::nanoTime);
    private final HardenedServer server = new HardenedServer(
            "http.port",
            "127.0.0.1",
            0,
            new HardenedServer.Limits(
                    16, 1 << 16, new Budget(1 << 20, 1, System::nanoTime), Answers.SMALL_BYTES, 100, 60_000),
            error -> {},
            routes -> {
                routes.get("/now", concurrency.limit(context -> context.result("now")));
                routes.post("/wait", concurrency.limit(context -> {
                    entered.incrementAndGet();
                    waitForAnswer();
                    concurrency.resume(1_000);
                    context.result("waited " + context.body().length());
                }));
                routes.get("/work", concurrency.limit(context -> {
                    BooleanSupplier unwanted = concurrency.hasLeft();
                    entered.incrementAndGet();
                    while (!unwanted.getAsBoolean() && answer.getCount() > 0) {
                        Thread.onSpinWait();
                    }
                    concurrency.requireCaller();
                    context.result("worked");
                }));
                routes.get("/help", concurrency.limit(context -> {
                    entered.incrementAndGet();
                    Thread helper = new Thread(help(), "helper");
                    helper.start();
                    helper.join();
                    concurrency.requireCaller();
                }));
            });

    private void waitForAnswer() throws InterruptedException {
        try {
            concurrency.waiting(() -> answer.await(600, TimeUnit.SECONDS));
        } catch (Problem.ProblemException e) {
            left.incrementAndGet();
            assertThat(Thread.currentThread().isInterrupted()).isFalse();
            throw e;
        }
    }

    private Runnable help() {
        var part = concurrency.helping(() -> {
            waitForAnswer();
            return true;
        });
        return () -> {
            try {
                part.call();
            } catch (Exception e) {
                assertThat(e).isInstanceOf(Problem.ProblemException.class);
            }
        };
    }

    @AfterEach
    void stop() {
        answer.countDown();
        server.close();
    }

    private Socket send(String request) throws IOException {
        URI url = URI.create(server.url());
        Socket socket = new Socket(url.getHost(), url.getPort());
        socket.setSoTimeout((int) LONG.toMillis());
        socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    private static String get(String path) {
        return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
    }

    private static String post(String body) {
        return "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
    }

    private void awaitEntered(int requests) {
        await().atMost(LONG).until(() -> entered.get() == requests);
    }

    /** Once others get the only place. */
    private void awaitFree() throws IOException {
        await().atMost(LONG).until(() -> {
            try (Socket socket = send(get("/now"))) {
                return status(socket).contains(" 200 ");
            }
        });
    }

    private static BufferedReader reader(Socket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    }

    private static String status(Socket socket) throws IOException {
        return reader(socket).readLine();
    }

    @Test
    void shouldEndWaitingWhenTheClientLeaves() throws IOException {
        for (String request : List.of(
                post("body"),
                post("body").replace("HTTP/1.1", "HTTP/1.0"),
                post("body") + get("/now"),
                post("") + "x")) {
            int before = left.get();
            Socket socket = send(request);
            awaitEntered(before + 1);
            socket.close();

            await().atMost(LONG).until(() -> left.get() == before + 1);
            awaitFree();
        }
    }

    @Test
    void shouldEndWaitingWhenTheConnectionIsReset() throws IOException {
        Socket socket = send(post("body"));
        awaitEntered(1);
        socket.setSoLinger(true, 0);
        socket.close();

        await().atMost(LONG).until(() -> left.get() == 1);
    }

    @Test
    void shouldEndWorkAndFreeItsPlaceWhenTheClientLeaves() throws IOException {
        Socket socket = send(get("/work"));
        awaitEntered(1);
        try (Socket other = send(get("/now"))) {
            assertThat(status(other)).contains(" 429 ");
        }
        socket.close();

        awaitFree();
    }

    @Test
    void shouldEndTheWaitingOfHelpersWhenTheClientLeaves() throws IOException {
        Socket socket = send(get("/help"));
        awaitEntered(1);
        socket.close();

        await().atMost(LONG).until(() -> left.get() == 1);
        awaitFree();
    }

    /** It cannot be told from one that is gone; but it is told so. */
    @Test
    void shouldTellAClientThatClosedItsSideOnly() throws IOException {
        try (Socket socket = send(post("body"))) {
            awaitEntered(1);
            socket.shutdownOutput();

            BufferedReader reader = reader(socket);
            assertThat(reader.readLine()).startsWith("HTTP/1.1 499");
            assertThat(reader.lines()).anyMatch(line -> line.contains("keep it open until the answer is there"));
        }
    }

    /** What a client sends ahead is looked at while it is sought, and not lost. */
    @Test
    void shouldAnswerWhatWasSentAheadMeanwhile() throws Exception {
        try (Socket socket = send(post("body"))) {
            awaitEntered(1);
            String next = get("/now");
            int half = next.length() / 2;
            for (String part : List.of(
                    next.substring(0, half), next.substring(half), get("/now").repeat(60))) {
                socket.getOutputStream().write(part.getBytes(StandardCharsets.UTF_8));
                looksTwice();
            }
            answer.countDown();

            BufferedReader reader = reader(socket);
            assertThat(answer(reader)).isEqualTo("waited 4");
            for (int i = 0; i < 61; i++) {
                assertThat(answer(reader)).isEqualTo("now");
            }
            // And the connection goes on as any.
            socket.getOutputStream().write(get("/now").getBytes(StandardCharsets.UTF_8));
            assertThat(answer(reader)).isEqualTo("now");
        }
        assertThat(left).hasValue(0);
    }

    /** Lets the client of another request leave, and be noticed: the first has been looked at meanwhile. */
    private void looksTwice() throws IOException {
        for (int i = 0; i < 2; i++) {
            int before = entered.get();
            Socket other = send(get("/work"));
            awaitEntered(before + 1);
            other.close();
            awaitFree();
        }
    }

    private static String answer(BufferedReader reader) throws IOException {
        assertThat(reader.readLine()).startsWith("HTTP/1.1 200");
        int length = 0;
        for (String line = reader.readLine(); !line.isEmpty(); line = reader.readLine()) {
            if (line.startsWith("Content-Length: ")) {
                length = Integer.parseInt(line.substring("Content-Length: ".length()));
            }
        }
        char[] body = new char[length];
        for (int read = 0; read < length; ) {
            read += reader.read(body, read, length - read);
        }
        return new String(body);
    }
}
