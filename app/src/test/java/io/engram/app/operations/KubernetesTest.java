package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import io.engram.app.Main;
import io.engram.app.config.ConfigLoader;
import io.engram.app.config.EngramConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The manifests, rendered by kubectl, against Kubernetes' own types, the application and the runbook. */
@Tag("operations")
class KubernetesTest {
    /** Resources that Kubernetes itself does not know, and the fields that we use of them. */
    private static final Map<String, Class<?>> CUSTOM = Map.of(
            "monitoring.coreos.com/v1 PodMonitor", CustomResources.PodMonitor.class,
            "monitoring.coreos.com/v1 PrometheusRule", CustomResources.PrometheusRule.class,
            "keda.sh/v1alpha1 ScaledObject", CustomResources.ScaledObject.class,
            "kafka.strimzi.io/v1 KafkaTopic", CustomResources.KafkaTopic.class);

    private static final Map<String, String> SHORT_KINDS =
            Map.of("deploy", "deployment", "hpa", "horizontalpodautoscaler");

    @BeforeEach
    void requireKubectl() {
        Tools.require("kubectl");
    }

    private static Map<String, JsonNode> render(String directory) throws IOException, InterruptedException {
        Map<String, JsonNode> resources = new LinkedHashMap<>();
        for (JsonNode resource : Documents.yaml(Tools.run(Tools.project(), "kubectl", "kustomize", directory))) {
            resources.put(
                    resource.path("kind").asText() + "/"
                            + resource.at("/metadata/name").asText(),
                    resource);
        }
        return resources;
    }

    @ParameterizedTest
    @ValueSource(strings = {"k8s/base", "k8s/overlays/persistent", "k8s/overlays/keda", "k8s/strimzi"})
    void shouldHaveNoFieldThatItsTypeDoesNotKnow(String directory) throws Exception {
        for (Map.Entry<String, JsonNode> entry : render(directory).entrySet()) {
            requireKnownFields(entry.getKey(), entry.getValue());
        }
    }

    private static void requireKnownFields(String name, JsonNode resource) throws Exception {
        String version = resource.path("apiVersion").asText();
        String kind = resource.path("kind").asText();
        Class<?> custom = CUSTOM.get(version + " " + kind);
        if (custom != null) {
            new ObjectMapper().readerFor(custom).readValue(resource.toString());
            return;
        }
        String type = version.substring(version.indexOf('/') + 1);
        Class<?> model = Class.forName(
                "io.kubernetes.client.openapi.models." + type.substring(0, 1).toUpperCase() + type.substring(1) + kind);
        try {
            model.getMethod("validateJsonElement", JsonElement.class)
                    .invoke(null, JsonParser.parseString(resource.toString()));
        } catch (InvocationTargetException e) {
            throw new AssertionError(name + ": " + e.getCause().getMessage(), e);
        }
    }

    /** The check above checks something. */
    @Test
    void shouldNoticeAFieldThatDoesNotExist() {
        JsonNode broken = new ObjectMapper()
                .createObjectNode()
                .put("apiVersion", "v1")
                .put("kind", "Service")
                .set("spec", new ObjectMapper().createObjectNode().put("selektor", "x"));
        assertThatThrownBy(() -> requireKnownFields("broken", broken)).hasMessageContaining("selektor");
    }

    private static JsonNode pod(Map<String, JsonNode> resources) {
        JsonNode workload = resources.containsKey("Deployment/engram-workers")
                ? resources.get("Deployment/engram-workers")
                : resources.get("StatefulSet/engram-workers");
        return workload.at("/spec/template");
    }

    private static Map<String, String> environment(Map<String, JsonNode> resources) {
        return environment(resources, "10.0.0.1");
    }

    private static Map<String, String> environment(Map<String, JsonNode> resources, String podIp) {
        Map<String, String> environment = new HashMap<>();
        resources.forEach((name, resource) -> {
            if (name.startsWith("ConfigMap/engram-env")) {
                resource.path("data")
                        .properties()
                        .forEach(entry ->
                                environment.put(entry.getKey(), entry.getValue().asText()));
            }
        });
        pod(resources)
                .at("/spec/containers/0/env")
                .forEach(variable -> environment.put(
                        variable.path("name").asText(), variable.path("value").asText(podIp)));
        environment.replaceAll(
                (name, value) -> value.replace("$(POD_IP)", podIp).replace("$(POD_NAME)", "engram-workers-0"));
        environment.keySet().removeAll(Set.of("POD_IP", "POD_NAME"));
        return environment;
    }

    @ParameterizedTest
    @CsvSource({"10.0.0.1, http://10.0.0.1:7432", "fd00::5, http://[fd00::5]:7432"})
    void shouldAdvertisePodsOfBothAddressFamilies(String podIp, String url) throws IOException, InterruptedException {
        EngramConfig config = new ConfigLoader()
                .environment(environment(render("k8s/base"), podIp))
                .load();

        assertThat(config.advertisedUrl()).isEqualTo(url);
    }

    @ParameterizedTest
    @ValueSource(strings = {"k8s/base", "k8s/overlays/persistent", "k8s/overlays/keda"})
    void shouldSetWhatAnInstanceTakes(String directory) throws IOException, InterruptedException {
        Map<String, JsonNode> resources = render(directory);
        JsonNode pod = pod(resources);
        EngramConfig config =
                new ConfigLoader().environment(environment(resources)).load();
        JsonNode container = pod.at("/spec/containers/0");
        Map<String, Integer> ports = new HashMap<>();
        container
                .path("ports")
                .forEach(port -> ports.put(
                        port.path("name").asText(), port.path("containerPort").asInt()));
        assertThat(ports).containsEntry("http", config.httpPort()).containsEntry("metrics", config.metricsPort());
        assertThat(container.at("/volumeMounts/0/mountPath").asText())
                .isEqualTo(config.stateDir().toString());
        assertThat(container.at("/livenessProbe/httpGet/path").asText()).isEqualTo("/livez");
        assertThat(container.at("/readinessProbe/httpGet/path").asText()).isEqualTo("/readyz");
        assertThat(pod.at("/metadata/labels/app").asText()).isEqualTo("engram-worker");
        // Longer than the close: draining, the streams, the last requests.
        assertThat(pod.at("/spec/terminationGracePeriodSeconds").asLong() * 1_000)
                .isGreaterThan(config.shutdownDrainMs() + config.shutdownTimeoutMs() + 10_000);
        assertThat(pod.at("/spec/securityContext/runAsNonRoot").asBoolean()).isTrue();
        assertThat(pod.at("/spec/securityContext/seccompProfile/type").asText()).isEqualTo("RuntimeDefault");
        assertThat(container.at("/securityContext/allowPrivilegeEscalation").asBoolean(true))
                .isFalse();
        assertThat(container.at("/securityContext/readOnlyRootFilesystem").asBoolean())
                .isTrue();
        assertThat(container.at("/securityContext/capabilities/drop/0").asText())
                .isEqualTo("ALL");
    }

    @Test
    void shouldNeverScaleBeyondThePartitions() throws IOException, InterruptedException {
        Map<String, JsonNode> resources = render("k8s/base");
        int partitions =
                new ConfigLoader().environment(environment(resources)).load().partitions();
        JsonNode spec =
                resources.get("HorizontalPodAutoscaler/engram-workers-hpa").path("spec");
        assertThat(spec.path("maxReplicas").asInt()).isLessThanOrEqualTo(partitions);
        assertThat(spec.at("/behavior/scaleUp/policies").size()).isEqualTo(1);
        assertThat(spec.at("/behavior/scaleUp/policies/0/value").asInt()).isLessThanOrEqualTo(2);
        assertThat(spec.at("/behavior/scaleDown/stabilizationWindowSeconds").asInt())
                .isGreaterThanOrEqualTo(300);
        JsonNode scaled =
                render("k8s/overlays/keda").get("ScaledObject/engram-workers").path("spec");
        assertThat(scaled.path("maxReplicaCount").asInt()).isLessThanOrEqualTo(partitions);
        // One value a pod, from the adapter's rules.
        List<String> named = new ArrayList<>();
        spec.path("metrics")
                .forEach(metric -> named.add(metric.at("/pods/metric/name").asText()));
        for (JsonNode rule : Documents.yaml(Tools.project().resolve("k8s/prometheus-adapter/values.yaml"))
                .get(0)
                .at("/rules/custom")) {
            assertThat(named).contains(rule.at("/name/as").asText());
            assertThat(rule.path("metricsQuery").asText()).containsPattern("^(avg|sum) by \\(<<\\.GroupBy>>\\)");
        }
    }

    @Test
    void shouldKeepNameAndVolumeOfAnInstance() throws IOException, InterruptedException {
        Map<String, JsonNode> resources = render("k8s/overlays/persistent");
        assertThat(resources).doesNotContainKey("Deployment/engram-workers");
        EngramConfig config =
                new ConfigLoader().environment(environment(resources)).load();
        assertThat(config.consumer()).containsEntry("group.instance.id", "engram-workers-0");
        JsonNode spec = resources.get("StatefulSet/engram-workers").path("spec");
        assertThat(spec.at("/volumeClaimTemplates/0/metadata/name").asText()).isEqualTo("data");
        assertThat(resources).containsKey("Service/" + spec.path("serviceName").asText());
        assertThat(resources
                        .get("HorizontalPodAutoscaler/engram-workers-hpa")
                        .at("/spec/scaleTargetRef/kind")
                        .asText())
                .isEqualTo("StatefulSet");
    }

    @Test
    void shouldRenderWhatTheCapacityCommandWrites() throws Exception {
        // Below the project: kustomize wants a base by a relative path.
        Path overlay = Files.createDirectories(Tools.project().resolve("app/target/capacity-overlay"));
        System.setProperty("engram.home", Tools.project().toString());
        StringWriter err = new StringWriter();
        assertThat(Main.commandLine()
                        .setOut(new PrintWriter(new StringWriter()))
                        .setErr(new PrintWriter(err))
                        .execute("capacity", "--rate=50000", "--memories=5000000", "--kustomize=" + overlay))
                .as(err.toString())
                .isZero();
        Map<String, JsonNode> resources = render(overlay.toString());
        for (Map.Entry<String, JsonNode> entry : resources.entrySet()) {
            requireKnownFields(entry.getKey(), entry.getValue());
        }
        EngramConfig config =
                new ConfigLoader().environment(environment(resources)).load();
        JsonNode autoscaler = resources.get("HorizontalPodAutoscaler/engram-workers-hpa");
        assertThat(autoscaler.at("/spec/maxReplicas").asInt()).isEqualTo(config.partitions());
        assertThat(autoscaler.at("/spec/minReplicas").asInt()).isGreaterThan(1);
    }

    /** Whoever follows the runbook at night finds what it names. */
    @Test
    void shouldHaveWhatTheRunbooksCommandsName() throws IOException, InterruptedException {
        Map<String, JsonNode> resources = render("k8s/base");
        Set<String> kinds = new TreeSet<>();
        resources.keySet().forEach(name -> kinds.add(name.toLowerCase()));
        String runbook = Tools.read("docs/operations/runbook.md");
        List<String> commands =
                runbook.lines().filter(line -> line.startsWith("kubectl ")).toList();
        assertThat(commands).hasSizeGreaterThan(15);
        Pattern named = Pattern.compile("\\b(deployment|deploy|podmonitor|hpa)[ /]([a-z][a-z-]+)");
        for (String command : commands) {
            assertThat(command).containsPattern("-n engram\\b");
            Matcher matcher = named.matcher(command);
            while (matcher.find()) {
                String kind = SHORT_KINDS.getOrDefault(matcher.group(1), matcher.group(1));
                assertThat(kinds).as(command).contains(kind + "/" + matcher.group(2));
            }
            if (command.contains(" -l ")) {
                assertThat(command).contains("-l app=engram-worker");
            }
            Matcher variable = Pattern.compile(" ([A-Z_]{5,})=(\\S+)").matcher(command);
            while (variable.find()) {
                if (variable.group(1).startsWith("ENGRAM_")) {
                    new ConfigLoader()
                            .environment(Map.of(variable.group(1), variable.group(2)))
                            .load();
                } else {
                    assertThat(variable.group(1))
                            .isIn("QUEUE_CAPACITY", "NORMAL_QUEUE_CAPACITY", "WORK_STEAL_THRESHOLD");
                }
            }
            Matcher replicas = Pattern.compile("\"minReplicas\":(\\d+)").matcher(command);
            while (replicas.find()) {
                assertThat(Integer.parseInt(replicas.group(1))).isBetween(2, 32);
            }
        }
        assertThat(environment(resources)).containsKeys("QUEUE_CAPACITY", "WORK_STEAL_THRESHOLD");
    }
}
