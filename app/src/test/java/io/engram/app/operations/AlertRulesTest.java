package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.topology.metrics.MetricNames;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rules that Prometheus loads. */
@Tag("operations")
class AlertRulesTest {
    private static final List<String> RULE_FILES =
            List.of("engram-recording.yml", "engram-alerts.yml", "engram-kubernetes.yml");

    /** Not ours: the scrape itself, the process, and what Kubernetes adds. */
    private static final Set<String> FOREIGN = Set.of(
            "up",
            "process_start_time_seconds",
            "container_cpu_cfs_throttled_periods_total",
            "container_cpu_cfs_periods_total",
            "container_memory_working_set_bytes",
            "kube_pod_container_resource_limits");

    @Test
    void shouldBeWhatTheMixinRenders(@TempDir Path rendered) throws IOException, InterruptedException {
        Tools.require("jsonnet");
        Path monitoring = Tools.project().resolve("monitoring");
        Tools.run(monitoring, "./render", rendered.toString());
        List<Path> files;
        try (var walk = Files.walk(rendered)) {
            files = walk.filter(Files::isRegularFile).toList();
        }
        assertThat(files).hasSizeGreaterThanOrEqualTo(6);
        for (Path file : files) {
            String name = rendered.relativize(file).toString();
            assertThat(
                            name.startsWith("reference/")
                                    ? Tools.project().resolve("docs/" + name)
                                    : monitoring.resolve(name))
                    .as("run monitoring/render")
                    .hasSameTextualContentAs(file);
        }
    }

    @Test
    void shouldPassPromtool() throws IOException, InterruptedException {
        Tools.require("promtool");
        Path prometheus = Tools.project().resolve("monitoring/prometheus");
        for (String file : RULE_FILES) {
            assertThat(Tools.run(prometheus, "promtool", "check", "rules", "--lint-fatal", "rules/" + file))
                    .containsPattern("SUCCESS: [1-9]\\d* rules found");
        }
        assertThat(Tools.run(prometheus, "promtool", "check", "config", "prometheus.yml"))
                .contains("SUCCESS: 2 rule files found");
    }

    @Test
    void shouldFireAndKeepQuietAsTested() throws IOException, InterruptedException {
        Tools.require("promtool");
        int tested = 0;
        for (Path file : Tools.files("monitoring/prometheus/tests", ".json")) {
            tested += Documents.json(file).path("tests").size();
            assertThat(Tools.run(
                            file.getParent(),
                            "promtool",
                            "test",
                            "rules",
                            file.getFileName().toString()))
                    .contains("SUCCESS");
        }
        // At least a test that it fires and one that it does not, for each.
        assertThat(tested).isGreaterThan(2 * alerts().size());
    }

    @Test
    void shouldNameMetricsThatExist() throws IOException, IllegalAccessException {
        Set<String> known = new TreeSet<>(FOREIGN);
        for (Field field : MetricNames.class.getFields()) {
            if (Modifier.isStatic(field.getModifiers()) && field.getType() == String.class) {
                String name = (String) field.get(null);
                known.addAll(List.of(name, name + "_bucket", name + "_count", name + "_sum"));
            }
        }
        List<String> expressions = new ArrayList<>();
        for (JsonNode rule : rules()) {
            expressions.add(rule.path("expr").asText());
            if (rule.has("record")) {
                known.add(rule.path("record").asText());
            }
        }
        JsonNode dashboard =
                Documents.json(Tools.project().resolve("monitoring/grafana/dashboards/engram-streaming.json"));
        dashboard.findValues("expr").forEach(expr -> expressions.add(expr.asText()));
        Pattern metric = Pattern.compile("[a-z_]+(?::[a-z0-9_]+)+|(?:engram|container|kube|process)_\\w+|\\bup\\b");
        for (String expression : expressions) {
            Matcher matcher = metric.matcher(expression.replaceAll("\"[^\"]*\"", ""));
            while (matcher.find()) {
                assertThat(known).as(expression).contains(matcher.group());
            }
        }
    }

    @Test
    void shouldAddUpHistogramsBeforeTakingQuantiles() throws IOException {
        for (JsonNode rule : rules()) {
            String expression = rule.path("expr").asText();
            if (expression.contains("histogram_quantile")) {
                assertThat(expression).containsPattern("histogram_quantile\\([\\d.]+, sum by \\(le");
            }
        }
    }

    @Test
    void shouldExplainThemselves() throws IOException {
        Set<String> anchors = Documents.anchors(Tools.read("docs/operations/runbook.md"));
        for (JsonNode alert : alerts()) {
            String name = alert.path("alert").asText();
            JsonNode annotations = alert.path("annotations");
            assertThat(alert.path("labels").path("severity").asText())
                    .as(name)
                    .isIn("critical", "warning", "scaling", "info");
            assertThat(alert.path("labels").path("event").asText()).as(name).isNotEmpty();
            assertThat(annotations.path("description").asText()).as(name).isNotEmpty();
            if (!name.equals("EngramAbsent")) {
                assertThat(annotations.path("summary").asText())
                        .as(name)
                        .containsPattern(
                                name.equals("EngramWorkerDown") || name.equals("EngramNotReady")
                                        ? "\\{\\{ \\$labels.instance }}"
                                        : "\\{\\{ \\$value");
            }
            String runbook = annotations.path("runbook_url").asText();
            assertThat(runbook).as(name).endsWith("/docs/operations/runbook.md#" + name.toLowerCase());
            assertThat(anchors).contains(name.toLowerCase());
        }
    }

    private static List<JsonNode> rules() throws IOException {
        List<JsonNode> rules = new ArrayList<>();
        for (String file : RULE_FILES) {
            Documents.yaml(Tools.project().resolve("monitoring/prometheus/rules/" + file))
                    .get(0)
                    .path("groups")
                    .forEach(group -> group.path("rules").forEach(rules::add));
        }
        return rules;
    }

    private static List<JsonNode> alerts() throws IOException {
        List<JsonNode> alerts =
                rules().stream().filter(rule -> rule.has("alert")).toList();
        assertThat(alerts).hasSizeGreaterThan(30);
        return alerts;
    }
}
