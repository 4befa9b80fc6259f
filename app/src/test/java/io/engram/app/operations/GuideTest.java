package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The map from the operations guide to what implements and proves each of its rows. */
@Tag("operations")
class GuideTest {
    private final String guide = Tools.read("docs/operations/guide.md");

    private List<String> quoted(String pattern) {
        List<String> found = new ArrayList<>();
        Matcher matcher = Pattern.compile("`(" + pattern + ")`").matcher(guide);
        while (matcher.find()) {
            found.add(matcher.group(1));
        }
        return found;
    }

    @Test
    void shouldNameFilesThatExist() {
        List<String> files = quoted("[\\w.-]+(?:/[\\w.-]+)+");
        assertThat(files).hasSizeGreaterThan(25);
        for (String file : files) {
            assertThat(Tools.project().resolve(file)).exists();
        }
    }

    @Test
    void shouldNameTestsThatExist() throws IOException {
        Set<String> tests;
        try (Stream<Path> all = Files.walk(Tools.project())) {
            tests = all.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith("Test.java") || name.endsWith("IT.java"))
                    .map(name -> name.replace(".java", ""))
                    .collect(Collectors.toSet());
        }
        for (String test : quoted("\\w+(?:Test|IT)")) {
            assertThat(tests).contains(test);
        }
        // Every row of a table says by what it is proved.
        guide.lines()
                .filter(line -> line.startsWith("| ") && !line.contains("proved by"))
                .forEach(line -> assertThat(line).containsPattern("`\\w+(Test|IT)` \\|$"));
    }

    @Test
    void shouldHaveEveryAlertPanelAndMetric() throws IOException {
        List<String> missing = new ArrayList<>();
        for (JsonNode name : Documents.yaml(Tools.project().resolve("monitoring/kubernetes/prometheus-rule.yaml"))
                .get(0)
                .findValues("alert")) {
            missing.add("`" + name.asText() + "`");
        }
        assertThat(missing).hasSizeGreaterThan(30);
        Documents.json(Tools.project().resolve("monitoring/grafana/dashboards/engram-streaming.json"))
                .path("panels")
                .forEach(panel -> missing.add("| " + panel.path("title").asText() + " |"));
        Matcher metric = Pattern.compile("^\\| (`\\w+`) ", Pattern.MULTILINE)
                .matcher(Tools.read("app/src/test/resources/io/engram/app/catalogue.md"));
        while (metric.find()) {
            missing.add("| " + metric.group(1) + " |");
        }
        missing.removeIf(guide::contains);
        assertThat(missing).isEmpty();
    }
}
