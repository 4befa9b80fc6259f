package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.app.faults.Server;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The application as its users start it: processes of their own, killed and started again. */
class ProcessIT {
    @TempDir
    Path directory;

    private int outputs;

    private record Started(Process process, Path output, Path errors) {
        /** Everything that the process printed. */
        String text() throws IOException {
            return Files.readString(output) + Files.readString(errors);
        }

        /** Its standard output, which must be JSON whatever the JVM has to say on the other. */
        JsonNode json() throws IOException {
            return new ObjectMapper().readTree(Files.readString(output));
        }
    }

    private Started start(String... arguments) throws IOException {
        return startWith(List.of(), arguments);
    }

    private Started startWith(List<String> flags, String... arguments) throws IOException {
        List<String> command =
                new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java"), "-Xmx1g", "-cp"));
        command.add(System.getProperty("java.class.path"));
        // The tests' logging configuration is on this class path as well, and must not win.
        command.add(3 - 1, "-Dlogback.configurationFile=logback.xml");
        command.addAll(flags);
        command.add("io.engram.app.Main");
        command.addAll(List.of(arguments));
        Path output = directory.resolve("output-" + outputs);
        Path errors = directory.resolve("errors-" + outputs++);
        Process process = new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile())
                .start();
        return new Started(process, output, errors);
    }

    private Started serve(int kafka, int http) throws IOException {
        return start(
                "serve",
                "--embedded-kafka",
                "--broker-dir",
                directory.resolve("broker").toString(),
                "--set",
                "kafka.bootstrap.servers=127.0.0.1:" + kafka,
                "--set",
                "state.dir=" + directory.resolve("state"),
                "--set",
                "http.port=" + http,
                "--set",
                "metrics.port=0");
    }

    private static void awaitReady(Started started) {
        await().atMost(Duration.ofSeconds(90)).until(() -> {
            assertThat(started.process().isAlive()).as(started.text()).isTrue();
            return started.text().contains(" ready http://");
        });
    }

    private Started run(String... arguments) throws IOException, InterruptedException {
        Started started = start(arguments);
        assertThat(started.process().waitFor(120, TimeUnit.SECONDS)).isTrue();
        return started;
    }

    @Test
    void shouldRunTheDemo() throws IOException, InterruptedException {
        Started demo = run("demo", "--json");

        assertThat(demo.process().exitValue()).as(demo.text()).isZero();
        JsonNode summary = demo.json();
        assertThat(summary.get("observations").asInt()).isEqualTo(1_080);
        assertThat(summary.get("queries").asInt()).isEqualTo(40);
        assertThat(summary.get("recall_at_10").asDouble()).isGreaterThanOrEqualTo(0.99);
    }

    /** As with one that is mounted without execution: libraries cannot be loaded from it. */
    @Test
    void shouldNameTheTemporaryDirectoryThatCannotBeUsed() throws IOException, InterruptedException {
        Path file = Files.createFile(directory.resolve("no-directory"));
        Started started = startWith(
                List.of("-Djava.io.tmpdir=" + file), "serve", "--set", "state.dir=" + directory.resolve("state"));

        assertThat(started.process().waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(started.process().exitValue()).as(started.text()).isEqualTo(1);
        assertThat(started.text()).contains(file.toString(), "ENGRAM_JAVA_OPTS=-Djava.io.tmpdir=", "allow execution");
    }

    /** A Turkish machine writes other capitals, an Egyptian one other digits. */
    @ParameterizedTest
    @CsvSource({"tr, TR", "ar, EG"})
    void shouldRunTheDemoInEveryLanguage(String language, String country) throws IOException, InterruptedException {
        Started demo = startWith(List.of("-Duser.language=" + language, "-Duser.country=" + country), "demo", "--json");

        assertThat(demo.process().waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(demo.process().exitValue()).as(demo.text()).isZero();
        assertThat(demo.json().get("observations").asInt()).isEqualTo(1_080);
    }

    @Test
    void shouldKeepEverythingWhenKilled() throws IOException, InterruptedException {
        int kafka = Server.freePort();
        int http = Server.freePort();
        Path lines = directory.resolve("observations.jsonl");
        StringBuilder text = new StringBuilder();
        for (int i = 1; i <= 2_000; i++) {
            text.append("{\"id\":\"k" + i + "\",\"content\":\"c\",\"embedding\":[1," + i + "," + i % 13 + "]}\n");
        }
        Files.writeString(lines, text);
        Started first = serve(kafka, http);
        awaitReady(first);
        Started observe = run(
                "observe",
                lines.toString(),
                "--space",
                "killed",
                "--json",
                "--set",
                "kafka.bootstrap.servers=127.0.0.1:" + kafka);
        assertThat(observe.process().exitValue()).as(observe.text()).isZero();
        assertThat(observe.json().get("acknowledged").asInt()).isEqualTo(2_000);
        // In the middle of it, broker and all.
        first.process().destroyForcibly().waitFor();

        Started second = serve(kafka, http);
        awaitReady(second);
        await().atMost(Duration.ofSeconds(60))
                .until(() -> status(http)
                                .path("spaces")
                                .path("spaces")
                                .path(0)
                                .path("count")
                                .asInt()
                        == 2_000);
        Started recall = run(
                "recall",
                "--space",
                "killed",
                "--vector",
                "[1,77,12]",
                "-k",
                "1",
                "--json",
                "--url",
                "http://127.0.0.1:" + http);
        assertThat(recall.json().path("results").path(0).path("id").asText()).isEqualTo("k77");
        second.process().destroy();
        assertThat(second.process().waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(second.text()).contains("Stopping");
    }

    private JsonNode status(int http) throws IOException, InterruptedException {
        return run("status", "--json", "--url", "http://127.0.0.1:" + http).json();
    }

    @Test
    void shouldExplainWhatIsInTheWay() throws IOException, InterruptedException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Started portInUse = run(
                    "serve",
                    "--set",
                    "http.port=" + taken.getLocalPort(),
                    "--set",
                    "metrics.port=0",
                    "--set",
                    "state.dir=" + directory.resolve("state"),
                    "--set",
                    "kafka.bootstrap.servers=" + SharedBroker.bootstrapServers());
            assertThat(portInUse.process().exitValue()).isEqualTo(1);
            assertThat(portInUse.text()).contains("port is in use", "http.port").doesNotContain("\tat ");
            Started brokerPort = run("broker", "--port", "" + taken.getLocalPort(), "--dir", directory + "/b");
            assertThat(brokerPort.process().exitValue()).isEqualTo(1);
            assertThat(brokerPort.text()).contains("is in use").doesNotContain("\tat ");
        }
        Path file = Files.createFile(directory.resolve("file"));
        Started notWritable = run("serve", "--set", "state.dir=" + file.resolve("state"));
        assertThat(notWritable.process().exitValue()).isEqualTo(1);
        assertThat(notWritable.text()).contains("state.dir", "not writable").doesNotContain("\tat ");

        Started noBroker = start(
                "serve",
                "--set",
                "kafka.bootstrap.servers=127.0.0.1:" + Server.freePort(),
                "--set",
                "http.port=0",
                "--set",
                "metrics.port=0",
                "--set",
                "state.dir=" + directory.resolve("state"));
        await().atMost(Duration.ofSeconds(30)).until(() -> noBroker.text().contains("Waiting for Kafka at"));
        assertThat(noBroker.text()).doesNotContain("\tat ");
        noBroker.process().destroy();
        assertThat(noBroker.process().waitFor(20, TimeUnit.SECONDS)).isTrue();
    }
}
