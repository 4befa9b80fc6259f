package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.app.cli.CommandRun;
import io.engram.app.faults.Server;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Numbers of metadata come back as they were sent, whichever way they take. */
class ExactNumbersIT {
    private static final String LONG = "0.1234567890123456789012345";
    private static final String RECALL = "{\"vector\":[1,0],\"k\":1,\"include\":[\"metadata\"]}";
    // With two partitions, each has some of them.
    private static final List<String> SPACES = List.of("a", "b", "c", "d", "e", "f", "g", "h");

    @TempDir
    Path directory;

    private static void observe(Instance instance, String space) {
        HttpResponse<String> taken = instance.post(
                "/v1/spaces/" + space + "/observations?wait=indexed",
                "{\"id\":\"m\",\"content\":\"c\",\"embedding\":[1,0],\"metadata\":{\"zero\":-0.0,\"long\":" + LONG
                        + "}}");
        assertThat(taken.statusCode()).as(taken.body()).isBetween(200, 299);
    }

    private static void assertExact(Instance instance, String space) {
        HttpResponse<String> memory = instance.get("/v1/spaces/" + space + "/memories/m");
        assertThat(memory.body()).contains("\"zero\":-0.0", "\"long\":" + LONG);
        HttpResponse<String> recalled = instance.post("/v1/spaces/" + space + "/recall", RECALL);
        assertThat(recalled.body()).contains("\"zero\":-0.0", "\"long\":" + LONG);
    }

    @Test
    void shouldStayExactThroughAnotherInstance() throws Exception {
        String name = "exact-of-two";
        try (Instance one = Instance.start(name, directory.resolve("1"), "http.port=" + Server.freePort());
                Instance two = Instance.start(name, directory.resolve("2"), "http.port=" + Server.freePort())) {
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> one.sumOf("engram_partitions", "active") == 1
                            && two.sumOf("engram_partitions", "active") == 1);
            for (String space : SPACES) {
                observe(one, space);
                assertExact(one, space);
                assertExact(two, space);
            }
            String all = "{\"spaces\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"],\"vector\":[1,0],\"k\":8}";
            HttpResponse<String> recalled = one.post("/v1/recall", all);
            assertThat(recalled.body().split("\"zero\":-0.0", -1))
                    .as(recalled.body())
                    .hasSize(SPACES.size() + 1);
        }
    }

    private static String run(String... args) {
        CommandRun run = CommandRun.of(args);
        assertThat(run.exit()).as(run.out() + run.err()).isZero();
        return run.out() + run.err();
    }

    @Test
    void shouldStayExactOnTheCommandLine() throws Exception {
        try (Instance instance = Instance.start("exact-cli", directory)) {
            observe(instance, "a");

            String[] recall = {
                "recall", "--url", instance.url(), "--space", "a", "--vector", "[1,0]", "--json", "--filter"
            };
            assertThat(run(with(recall, "{\"long\":" + LONG + "}"))).contains("\"long\":" + LONG);
            assertThat(run(with(recall, "{\"long\":" + LONG.substring(0, LONG.length() - 1) + "}")))
                    .doesNotContain(LONG);
        }
    }

    private static String[] with(String[] args, String last) {
        String[] all = Arrays.copyOf(args, args.length + 1);
        all[args.length] = last;
        return all;
    }
}
