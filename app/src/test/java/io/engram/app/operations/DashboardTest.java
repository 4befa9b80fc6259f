package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The dashboard that Grafana is provisioned with. */
@Tag("operations")
class DashboardTest {
    private final JsonNode dashboard;

    DashboardTest() throws IOException {
        dashboard = Documents.json(Tools.project().resolve("monitoring/grafana/dashboards/engram-streaming.json"));
    }

    @Test
    void shouldHaveTheGuidesPanelsWithTheirUnits() {
        Map<String, String> panels = new TreeMap<>();
        for (JsonNode panel : dashboard.path("panels")) {
            panels.put(
                    panel.path("title").asText(),
                    panel.path("type").asText() + " "
                            + panel.path("fieldConfig")
                                    .path("defaults")
                                    .path("unit")
                                    .asText("-"));
        }
        assertThat(panels)
                .containsExactlyInAnyOrderEntriesOf(Map.ofEntries(
                        Map.entry("System overview", "stat -"),
                        Map.entry("Observation rate by space", "timeseries ops"),
                        Map.entry("Queue depth by priority", "gauge percentunit"),
                        Map.entry("Worker utilization", "status-history percent"),
                        Map.entry("Observation latency", "timeseries s"),
                        Map.entry("Backpressure activations", "timeseries ops"),
                        Map.entry("Backpressure state", "state-timeline -"),
                        Map.entry("Recall latency", "timeseries s"),
                        Map.entry("Batches and work stealing", "timeseries ops"),
                        Map.entry("Batch size distribution", "heatmap -"),
                        Map.entry("Errors", "timeseries short")));
    }

    @Test
    void shouldGiveEachSeriesOfTheOverviewItsOwnUnit() {
        JsonNode overview = dashboard.path("panels").get(0);
        Map<String, String> units = new TreeMap<>();
        for (JsonNode override : overview.path("fieldConfig").path("overrides")) {
            for (JsonNode property : override.path("properties")) {
                if (property.path("id").asText().equals("unit")) {
                    units.put(
                            override.path("matcher").path("options").asText(),
                            property.path("value").asText());
                }
            }
        }
        List<String> series = new ArrayList<>();
        overview.path("targets")
                .forEach(target -> series.add(target.path("legendFormat").asText()));
        assertThat(units.keySet()).containsExactlyInAnyOrderElementsOf(series);
        assertThat(units)
                .containsEntry("observations/s", "ops")
                .containsEntry("queue used", "percentunit")
                .containsEntry("queue memory", "bytes");
    }

    @Test
    void shouldLinkEveryPanelToItsSectionOfTheRunbook() {
        Set<String> anchors = Documents.anchors(Tools.read("docs/operations/runbook.md"));
        for (JsonNode panel : dashboard.path("panels")) {
            String url = panel.path("links").path(0).path("url").asText();
            assertThat(url).contains("/docs/operations/runbook.md#");
            assertThat(anchors).as(url).contains(url.substring(url.indexOf('#') + 1));
        }
    }

    @Test
    void shouldOfferTheGuidesVariablesAndMarkChanges() {
        assertThat(dashboard.path("uid").asText()).isEqualTo("engram-streaming");
        List<String> variables = new ArrayList<>();
        dashboard
                .path("templating")
                .path("list")
                .forEach(variable -> variables.add(variable.path("name").asText()));
        assertThat(variables).containsExactly("datasource", "job", "instance", "memory_space", "priority");
        List<String> annotations = new ArrayList<>();
        dashboard
                .path("annotations")
                .path("list")
                .forEach(annotation -> annotations.add(annotation.path("name").asText()));
        assertThat(annotations).containsExactly("Deploys", "Rebalances");
    }

    @Test
    void shouldBeProvisionedWithADatasourceThatExists() throws IOException {
        JsonNode datasource = Documents.yaml(
                        Tools.project().resolve("monitoring/grafana/provisioning/datasources/prometheus.yml"))
                .get(0)
                .path("datasources")
                .get(0);
        JsonNode chosen = dashboard.path("templating").path("list").get(0).path("current");
        assertThat(datasource.path("uid").asText())
                .isEqualTo(chosen.path("value").asText());
        for (JsonNode panel : dashboard.path("panels")) {
            assertThat(panel.path("datasource").path("uid").asText()).isEqualTo("${datasource}");
        }
    }
}
