package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.config.ConfigLoader;
import io.engram.app.config.EngramConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** docker-compose.yml and the Dockerfile against the application and the monitoring configuration. */
@Tag("operations")
class ComposeTest {
    private static final List<String> INSTANCES = List.of("engram-1", "engram-2");
    private static final Map<String, String> IMAGE_FILES = Map.of(
            "engram", "engram",
            "app/target/lib", "libs",
            "app/target/engram-app.jar", "classpath/engram-app.jar");

    private JsonNode services;

    @BeforeEach
    void resolve() throws IOException, InterruptedException {
        Tools.require("docker-compose");
        services = Documents.yaml(Tools.run(Tools.project(), "docker-compose", "config"))
                .get(0)
                .path("services");
        assertThat(services).hasSize(6);
    }

    private static Map<String, String> environment(JsonNode service) {
        Map<String, String> environment = new HashMap<>();
        service.path("environment")
                .properties()
                .forEach(entry ->
                        environment.put(entry.getKey(), entry.getValue().asText()));
        return environment;
    }

    @Test
    void shouldSetWhatAnInstanceTakes() {
        for (String name : INSTANCES) {
            JsonNode service = services.path(name);
            EngramConfig config =
                    new ConfigLoader().environment(environment(service)).load();
            assertThat(config.advertisedUrl()).isEqualTo("http://" + name + ":" + config.httpPort());
            assertThat(config.httpHost()).isEqualTo("0.0.0.0");
            assertThat(service.path("volumes").get(0).asText())
                    .endsWith(":" + config.stateDir().toString() + ":rw");
            assertThat(service.path("healthcheck").path("test").toString())
                    .contains("localhost:" + config.httpPort() + "/readyz");
            assertThat(environment(service).get("ENGRAM_KAFKA_BOOTSTRAP_SERVERS"))
                    .isEqualTo("kafka:9092");
        }
        EngramConfig defaults = new ConfigLoader().load();
        assertThat(services.path("engram-1").path("ports").toString())
                .contains("127.0.0.1:7432:" + defaults.httpPort())
                .contains("127.0.0.1:9090:" + defaults.metricsPort());
    }

    @Test
    void shouldStartInstancesWhenKafkaIsHealthyAndPrometheusBesideThem() {
        for (String name : INSTANCES) {
            assertThat(services.path(name).at("/depends_on/kafka/condition").asText())
                    .isEqualTo("service_healthy");
        }
        JsonNode prometheus = services.path("prometheus");
        assertThat(prometheus.path("depends_on").size()).isEqualTo(2);
        // The application's metrics own 9090.
        assertThat(prometheus.path("ports").toString()).contains("9091:9091");
        services.forEach(service ->
                assertThat(service.has("healthcheck")).as(service.toString()).isTrue());
    }

    @Test
    void shouldMountConfigurationsThatExistAndAgree() throws IOException {
        int mounted = 0;
        for (JsonNode service : services) {
            for (JsonNode volume : service.path("volumes")) {
                String source = volume.asText().split(":")[0];
                if (source.startsWith("/")) {
                    assertThat(Path.of(source)).exists();
                    mounted++;
                }
            }
        }
        assertThat(mounted).isEqualTo(4);
        JsonNode scrape = Documents.yaml(Tools.project().resolve("monitoring/prometheus/prometheus.yml"))
                .get(0);
        for (JsonNode target : scrape.at("/scrape_configs/0/static_configs/0/targets")) {
            String[] parts = target.asText().split(":");
            assertThat(INSTANCES).contains(parts[0]);
            assertThat(Integer.parseInt(parts[1]))
                    .isEqualTo(new ConfigLoader().load().metricsPort());
        }
        assertThat(scrape.at("/alerting/alertmanagers/0/static_configs/0/targets/0")
                        .asText())
                .isEqualTo("alertmanager:9093");
        JsonNode datasource = Documents.yaml(
                        Tools.project().resolve("monitoring/grafana/provisioning/datasources/prometheus.yml"))
                .get(0)
                .at("/datasources/0/url");
        assertThat(datasource.asText()).isEqualTo("http://prometheus:9091");
    }

    /** No engine runs where the tests do; what the image is made of is looked at instead. */
    @Test
    void shouldBuildAnImageOfFilesThatTheBuildLeaves() throws IOException {
        String dockerfile = Tools.read("Dockerfile");
        Matcher copy =
                Pattern.compile("^COPY (\\S+) (\\S+)$", Pattern.MULTILINE).matcher(dockerfile);
        String ignored = Tools.read(".dockerignore");
        int copies = 0;
        while (copy.find()) {
            copies++;
            assertThat(ignored).contains("!" + copy.group(1));
            // The launcher finds its files beside itself, where the build's own image has them as well.
            assertThat(copy.group(2)).isEqualTo("/opt/engram/" + IMAGE_FILES.get(copy.group(1)));
        }
        assertThat(copies).isEqualTo(3);
        assertThat(Files.isExecutable(Tools.project().resolve("engram"))).isTrue();
        assertThat(dockerfile)
                .contains("ENTRYPOINT [\"/opt/engram/engram\"]", "CMD [\"serve\"]", "USER 10001:10001", "VOLUME /data");
        EngramConfig config = new ConfigLoader()
                .environment(Documents.environment(dockerfile))
                .load();
        assertThat(config.stateDir()).hasToString("/data");
        assertThat(dockerfile).contains("EXPOSE " + config.httpPort() + " " + config.metricsPort());
        for (String name : INSTANCES) {
            assertThat(services.path(name).path("build").has("context")).isTrue();
        }
    }
}
