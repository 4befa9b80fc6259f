package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.BindException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.DoubleStream;

/** A broker or an instance in a process of its own, which can be killed, frozen and started again. */
public final class Server implements AutoCloseable {
    static final ObjectMapper MAPPER = new ObjectMapper();

    private static final int FIRST_PORT = 15_000;
    private static final int FIRST_EPHEMERAL_PORT = 32_768;
    private static final HttpClient HTTP =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    private final List<String> command;
    private final Path log;
    private final String ready;
    private final int port;
    private final int metricsPort;
    private Process process;
    private long logFrom;

    private Server(Path log, String ready, int port, int metricsPort, List<String> arguments, List<String> jvm) {
        this.metricsPort = metricsPort;
        this.log = log;
        this.ready = ready;
        this.port = port;
        this.command =
                new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java"), "-XX:+UseG1GC"));
        command.addAll(jvm);
        if (!FaultSettings.isLong()) {
            command.add("-XX:TieredStopAtLevel=1"); // over before the optimising compiler would pay
        }
        // The tests' logging configuration is on this class path as well, and must not win.
        command.addAll(
                List.of("-Dlogback.configurationFile=logback.xml", "-cp", System.getProperty("java.class.path")));
        command.add("io.engram.app.Main");
        command.addAll(arguments);
    }

    /**
     * A port that is free on every address of this machine, and stays so: not of those that the system gives to outgoing
     * connections, of which the tests make many.
     */
    public static int freePort() throws IOException {
        while (true) {
            int port = ThreadLocalRandom.current().nextInt(FIRST_PORT, FIRST_EPHEMERAL_PORT);
            try (ServerSocket socket = new ServerSocket(port)) {
                return socket.getLocalPort();
            } catch (BindException e) {
                continue; // somebody has it
            }
        }
    }

    /** A broker, started; use {@link #awaitReady}. */
    public static Server broker(Path directory, int port) throws IOException {
        Server server = new Server(
                directory.resolveSibling(directory.getFileName() + ".log"),
                "127.0.0.1:" + port,
                port,
                0,
                List.of("broker", "--port", Integer.toString(port), "--dir", directory.toString()),
                List.of("-Xmx1g"));
        server.start();
        return server;
    }

    /** An instance, started; its directory holds state and log. */
    public static Server instance(Path directory, int kafkaPort, int httpPort, String... settings) throws IOException {
        return instance(directory, kafkaPort, httpPort, List.of("-Xmx1500m"), settings);
    }

    static Server instance(Path directory, int kafkaPort, int httpPort, List<String> jvm, String... settings)
            throws IOException {
        Files.createDirectories(directory);
        int metricsPort = freePort();
        List<String> arguments = new ArrayList<>(List.of("serve"));
        List<String> all = new ArrayList<>(List.of(
                "kafka.bootstrap.servers=127.0.0.1:" + kafkaPort,
                "state.dir=" + directory.resolve("state"),
                "http.port=" + httpPort,
                "metrics.port=" + metricsPort));
        all.addAll(List.of(settings));
        for (String setting : all) {
            if (setting.startsWith("--")) {
                arguments.add(setting);
            } else {
                arguments.addAll(List.of("--set", setting));
            }
        }
        Server server = new Server(directory.resolve("log"), " ready http://", httpPort, metricsPort, arguments, jvm);
        server.start();
        return server;
    }

    /** Starts it, for the first time or again. */
    void start() throws IOException {
        logFrom = Files.exists(log) ? Files.size(log) : 0;
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    /** What it printed since it was last started. */
    String output() throws IOException {
        if (!Files.exists(log)) {
            return "";
        }
        byte[] all = Files.readAllBytes(log);
        return new String(all, (int) Math.min(logFrom, all.length), (int) Math.max(0, all.length - logFrom));
    }

    /** Milliseconds until it said that it is ready. */
    public long awaitReady() {
        long start = System.nanoTime();
        await().atMost(Duration.ofMinutes(5))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> {
                    assertThat(process.isAlive()).as(output()).isTrue();
                    return output().contains(ready);
                });
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    int exitCode() throws InterruptedException {
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    /** SIGKILL. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** SIGTERM, and waits for the end. */
    void stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(90, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("did not stop within 90 s");
        }
    }

    void freeze() throws IOException, InterruptedException {
        signal("-STOP");
    }

    void thaw() throws IOException, InterruptedException {
        signal("-CONT");
    }

    private void signal(String name) throws IOException, InterruptedException {
        int exit = new ProcessBuilder("kill", name, Long.toString(process.pid()))
                .start()
                .waitFor();
        assertThat(exit).as("kill " + name).isZero();
    }

    /** Of the metrics, or 0 for a broker. */
    public int metricsPort() {
        return metricsPort;
    }

    int port() {
        return port;
    }

    public String url(String path) {
        return "http://127.0.0.1:" + port + path;
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return HTTP.send(
                HttpRequest.newBuilder(URI.create(url(path)))
                        .timeout(Duration.ofSeconds(10))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> post(String path, String json) throws IOException, InterruptedException {
        return post(path, json, Duration.ofSeconds(10));
    }

    HttpResponse<String> post(String path, String json, Duration timeout) throws IOException, InterruptedException {
        return HTTP.send(
                HttpRequest.newBuilder(URI.create(url(path)))
                        .timeout(timeout)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(json))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    JsonNode json(String path) throws IOException, InterruptedException {
        return MAPPER.readTree(get(path).body());
    }

    /** The greatest value of a metric's series. */
    double maxOf(String metric) throws IOException, InterruptedException {
        return values(scrape(), metric, "")
                .filter(Double::isFinite)
                .max()
                .orElseThrow(() -> new AssertionError("no series of " + metric));
    }

    /** Its metrics in the text format, as they are now. */
    public String scrape() throws IOException, InterruptedException {
        return HTTP.send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + metricsPort + "/metrics"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
    }

    /**
     * The values of a metric's series.
     *
     * @param label as in the text; empty for all series
     */
    public static DoubleStream values(String scrape, String metric, String label) {
        return scrape.lines()
                .filter(line -> line.startsWith(metric + "{") || line.startsWith(metric + " "))
                .filter(line -> line.contains(label))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)));
    }

    /** True when it says that it is ready, over HTTP. */
    boolean isReady() throws InterruptedException {
        try {
            return get("/readyz").statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    /** Memories of all spaces that the cluster knows. */
    long memories() throws IOException, InterruptedException {
        long sum = 0;
        String after = "";
        do {
            JsonNode page = json("/v1/spaces?limit=1000&after=" + after);
            for (JsonNode space : page.path("spaces")) {
                sum += space.path("count").asLong();
            }
            after = page.path("next").asText();
        } while (!after.isEmpty());
        return sum;
    }

    /** Copies what it printed to where the build keeps it. */
    void keepLog(String name) throws IOException {
        Path target = Path.of("target", "fault-logs", name + ".log");
        Files.createDirectories(target.getParent());
        Files.writeString(
                target, Files.readString(log), StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
