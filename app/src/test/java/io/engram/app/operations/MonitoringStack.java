package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.faults.Server;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The project's Prometheus and Alertmanager configurations in real processes, in fast motion. */
final class MonitoringStack implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String SCRAPE_INTERVAL = "500ms";

    private final HttpClient http = HttpClient.newHttpClient();
    private final List<Process> processes = new ArrayList<>();
    private final JsonNode queries;
    private final String prometheus;

    private MonitoringStack(JsonNode queries, String prometheus) {
        this.queries = queries;
        this.prometheus = prometheus;
    }

    /**
     * @param speed durations are divided by this
     * @param receiver every receiver's webhook
     */
    static MonitoringStack start(Path directory, int speed, List<Server> instances, String receiver)
            throws IOException, InterruptedException {
        Path monitoring = Tools.project().resolve("monitoring");
        Tools.run(monitoring, "./render", directory.toString(), Integer.toString(speed));
        String queries = Tools.run(monitoring, "jsonnet", "--tla-code", "speed=" + speed, "mixin/queries.jsonnet");
        int prometheusPort = Server.freePort();
        int alertmanagerPort = Server.freePort();
        Path alertmanagerConfig = directory.resolve("alertmanager.yml");
        Files.writeString(alertmanagerConfig, Documents.toYaml(alertmanager(receiver)));
        Path prometheusConfig = directory.resolve("prometheus/prometheus.yml");
        Files.writeString(prometheusConfig, Documents.toYaml(prometheus(instances, alertmanagerPort)));

        MonitoringStack stack = new MonitoringStack(MAPPER.readTree(queries), "http://127.0.0.1:" + prometheusPort);
        stack.run(
                directory.resolve("alertmanager.log"),
                Tools.requireOneOf("alertmanager", "prometheus-alertmanager"), // Debian's name
                "--config.file=" + alertmanagerConfig,
                "--storage.path=" + directory.resolve("alertmanager-data"),
                "--web.listen-address=127.0.0.1:" + alertmanagerPort,
                "--cluster.listen-address=");
        stack.run(
                directory.resolve("prometheus.log"),
                "prometheus",
                "--config.file=" + prometheusConfig,
                "--storage.tsdb.path=" + directory.resolve("prometheus-data"),
                "--web.listen-address=127.0.0.1:" + prometheusPort);
        await().atMost(Duration.ofSeconds(30))
                .ignoreExceptions()
                .until(() -> stack.get("/-/ready").contains("Ready"));
        return stack;
    }

    /** As deployed, but with these targets and a scrape each half second. */
    private static JsonNode prometheus(List<Server> instances, int alertmanagerPort) throws IOException {
        ObjectNode config = (ObjectNode) Documents.yaml(Tools.project().resolve("monitoring/prometheus/prometheus.yml"))
                .get(0);
        ((ObjectNode) config.path("global"))
                .put("scrape_interval", SCRAPE_INTERVAL)
                .put("evaluation_interval", SCRAPE_INTERVAL);
        ArrayNode targets = (ArrayNode) config.at("/scrape_configs/0/static_configs/0/targets");
        targets.removeAll();
        instances.forEach(instance -> targets.add("127.0.0.1:" + instance.metricsPort()));
        ArrayNode alertmanagers = (ArrayNode) config.at("/alerting/alertmanagers/0/static_configs/0/targets");
        alertmanagers.removeAll();
        alertmanagers.add("127.0.0.1:" + alertmanagerPort);
        return config;
    }

    /** As deployed, but every receiver is this one and groups do not wait long. */
    private static JsonNode alertmanager(String receiver) throws IOException {
        ObjectNode config =
                (ObjectNode) Documents.yaml(Tools.project().resolve("monitoring/alertmanager/alertmanager.yml"))
                        .get(0);
        ((ObjectNode) config.path("route")).put("group_wait", "2s").put("group_interval", "2s");
        for (JsonNode each : config.path("receivers")) {
            if (!each.path("name").asText().equals("nobody")) {
                ((ObjectNode) each)
                        .putArray("webhook_configs")
                        .addObject()
                        .put("url", receiver)
                        .put("send_resolved", true);
            }
        }
        return config;
    }

    private void run(Path log, String... command) throws IOException {
        processes.add(new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start());
    }

    /** Every expression that must have data: {@code [{what, expr}]}. */
    JsonNode queries() {
        return queries;
    }

    /** What Prometheus answers to an expression. */
    JsonNode query(String expression) throws IOException, InterruptedException {
        return MAPPER.readTree(get("/api/v1/query?query=" + URLEncoder.encode(expression, StandardCharsets.UTF_8)));
    }

    /** True when the expression answers with at least one number. */
    boolean hasData(String expression) throws IOException, InterruptedException {
        JsonNode result = query(expression).path("data").path("result");
        for (JsonNode series : result) {
            if (!series.path("value").path(1).asText().equals("NaN")) {
                return true;
            }
        }
        return false;
    }

    /** Rules that Prometheus could not evaluate. */
    List<String> unhealthyRules() throws IOException, InterruptedException {
        List<String> unhealthy = new ArrayList<>();
        JsonNode groups = MAPPER.readTree(get("/api/v1/rules")).path("data").path("groups");
        assertThat(groups.size()).as("rule groups that are loaded").isEqualTo(5);
        for (JsonNode group : groups) {
            for (JsonNode rule : group.path("rules")) {
                if (!rule.path("health").asText().equals("ok")) {
                    unhealthy.add(rule.path("name").asText() + ": "
                            + rule.path("lastError").asText());
                }
            }
        }
        return unhealthy;
    }

    /**
     * Names of the alerts that fire, as Prometheus sees them.
     *
     * @param matcher of a label, e.g. {@code severity="critical"}
     */
    List<String> firing(String matcher) throws IOException, InterruptedException {
        List<String> names = new ArrayList<>();
        JsonNode answer = query("ALERTS{alertstate=\"firing\", " + matcher + "}");
        assertThat(answer.path("status").asText()).as(matcher).isEqualTo("success");
        for (JsonNode alert : answer.path("data").path("result")) {
            names.add(alert.path("metric").path("alertname").asText());
        }
        return names;
    }

    private String get(String path) throws IOException, InterruptedException {
        return http.send(
                        HttpRequest.newBuilder(URI.create(prometheus + path))
                                .timeout(Duration.ofSeconds(10))
                                .build(),
                        BodyHandlers.ofString())
                .body();
    }

    @Override
    public void close() {
        for (Process process : processes) {
            process.destroyForcibly();
            process.onExit().join();
        }
    }
}
