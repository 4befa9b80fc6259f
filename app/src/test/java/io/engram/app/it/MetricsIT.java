package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.topology.SpacePartitioner;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The live metrics against the operations guide's catalogue. */
@Tag("alone")
class MetricsIT {
    @TempDir
    Path stateDir;

    /** A row of catalogue.md: the guide's facts. */
    private record Fact(String name, String type, Set<String> labels, List<Double> buckets) {
        static Fact of(MetricFamily family) {
            return new Fact(family.name(), family.type(), family.labels(), family.buckets());
        }
    }

    private static Map<String, Fact> catalogue() throws IOException {
        Map<String, Fact> facts = new LinkedHashMap<>();
        try (InputStream in = MetricsIT.class.getResourceAsStream("/io/engram/app/catalogue.md")) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            Matcher row = Pattern.compile("^\\| `(\\w+)` \\| (\\w+) \\|([^|]*)\\|([^|]*)\\|$", Pattern.MULTILINE)
                    .matcher(text);
            while (row.find()) {
                Set<String> labels = new TreeSet<>();
                Matcher label = Pattern.compile("`(\\w+)`").matcher(row.group(3));
                while (label.find()) {
                    labels.add(label.group(1));
                }
                List<Double> buckets = new ArrayList<>();
                Arrays.stream(row.group(4).split(","))
                        .map(String::trim)
                        .filter(item -> !item.isEmpty())
                        .forEach(item -> buckets.add(Double.valueOf(item)));
                facts.put(row.group(1), new Fact(row.group(1), row.group(2), labels, buckets));
            }
        }
        return facts;
    }

    @Test
    void shouldHaveTheWholeCatalogueAtZeroFromTheStart() throws IOException, InterruptedException {
        Map<String, Fact> catalogue = catalogue();
        assertThat(catalogue).hasSize(15);
        try (Instance instance = Instance.start("metrics-zero", stateDir)) {
            String text = instance.metrics();
            Map<String, MetricFamily> live = MetricFamily.of(text, "engram_");
            for (Fact fact : catalogue.values()) {
                assertThat(live).containsKey(fact.name());
                assertThat(Fact.of(live.get(fact.name()))).isEqualTo(fact);
                assertThat(instance.sumOf(fact.name() + (fact.type().equals("histogram") ? "_count" : "")))
                        .as(fact.name())
                        .isZero();
            }
            for (String reason : List.of(
                    "over_capacity", "invalid_sequence", "duplicate", "invalid_observation", "internal_error")) {
                assertThat(instance.sumOf("engram_streaming_observations_rejected_total", "_other", reason))
                        .isZero();
            }
            assertThat(text).contains("jvm_memory_used_bytes", "kafka_stream_", "process_uptime_seconds");
        }
    }

    @Test
    void shouldServeSingleMetricsAndNativeHistograms() throws IOException, InterruptedException {
        try (Instance instance = Instance.start("metrics-formats", stateDir)) {
            HttpClient http = HttpClient.newHttpClient();
            URI one = URI.create(
                    instance.application().metricsUrl() + "?name%5B%5D=engram_streaming_observation_latency_seconds");

            String text = http.send(HttpRequest.newBuilder(one).build(), BodyHandlers.ofString())
                    .body();
            assertThat(text.lines().filter(line -> !line.startsWith("#")))
                    .isNotEmpty()
                    .allMatch(line -> line.startsWith("engram_streaming_observation_latency_seconds"));

            HttpResponse<byte[]> protobuf = http.send(
                    HttpRequest.newBuilder(one)
                            .header("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily")
                            .build(),
                    BodyHandlers.ofByteArray());
            assertThat(protobuf.headers().firstValue("Content-Type"))
                    .hasValueSatisfying(type -> assertThat(type).startsWith("application/vnd.google.protobuf"));
            assertThat(new String(protobuf.body(), StandardCharsets.ISO_8859_1))
                    .contains("engram_streaming_observation_latency_seconds")
                    .doesNotContain("# TYPE");
        }
    }

    @Test
    void shouldMeasureAKnownLoad() throws InterruptedException {
        Random random = new Random(1);
        try (Instance instance = Instance.start(
                "metrics-load",
                stateDir,
                "partitions=1",
                "index.workers=1",
                "index.scan.threshold=0",
                Instance.SLOW_INDEX)) {
            int count = 4_000;
            for (int i = 1; i <= count; i++) {
                float[] vector = new float[128];
                for (int j = 0; j < vector.length; j++) {
                    vector[j] = (float) random.nextGaussian();
                }
                instance.send(Lane.NORMAL, "load", Observation.observe("s" + i % 10, (i + 9) / 10, "c", vector));
            }
            instance.flush();
            double deepest = 0;
            double busiest = 0;
            while (instance.memories() < count || instance.sumOf("engram_streaming_queue_depth") > 0) {
                deepest = Math.max(deepest, instance.sumOf("engram_streaming_queue_depth", "normal"));
                busiest = Math.max(busiest, instance.sumOf("engram_streaming_worker_utilization"));
            }
            assertThat(deepest).as("queue depth while loading").isBetween(100.0, (double) count);
            assertThat(busiest).as("utilisation while loading").isBetween(10.0, 100.0);
            assertThat(instance.sumOf("engram_streaming_observations_total", "load", "normal"))
                    .isEqualTo(count);
            assertThat(instance.sumOf("engram_streaming_observation_latency_seconds_count", "load"))
                    .isEqualTo(count);
            double latency = instance.sumOf("engram_streaming_observation_latency_seconds_sum", "load") / count;
            double wait = instance.sumOf("engram_streaming_queue_wait_time_seconds_sum", "normal") / count;
            assertThat(latency)
                    .as("mean seconds from enqueue to index")
                    .isBetween(wait, 60.0)
                    .isPositive();
            assertThat(instance.sumOf("engram_streaming_queue_wait_time_seconds_count", "normal"))
                    .isEqualTo(count);
            // What was stored when the space became large is handed over once more.
            assertThat(instance.sumOf("engram_streaming_batch_size_sum")).isBetween((double) count, 1.1 * count);
            assertThat(instance.sumOf("engram_streaming_batch_size_count"))
                    .isEqualTo(instance.sumOf("engram_streaming_batches_processed_total"));
            assertThat(instance.sumOf("engram_streaming_active_sessions_total")).isEqualTo(10);
            assertThat(instance.sumOf("engram_streaming_queue_memory_bytes")).isZero();
            for (int i = 0; i < 25; i++) {
                instance.post("/v1/spaces/load/recall", "{\"k\":1,\"vector\":[" + "1,".repeat(127) + "1]}");
            }
            assertThat(instance.sumOf("engram_streaming_recall_latency_seconds_count", "load"))
                    .isEqualTo(25);
            instance.send(Lane.NORMAL, "load", Observation.of(Operation.CLOSE, "s1", 401));
            instance.flush();
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> instance.sumOf("engram_streaming_active_sessions_total") == 9);
            await().atMost(Duration.ofSeconds(20))
                    .until(() -> instance.sumOf("engram_streaming_worker_utilization") < 2);
        }
    }

    @Test
    void shouldTellWhatTheInstanceIsInItsCluster(@TempDir Path other) throws IOException, InterruptedException {
        String[] settings = {"partitions=1", "standby.replicas=1", "queue.capacity.low=777"};
        try (Instance one = Instance.start("metrics-cluster", stateDir, settings);
                Instance two = Instance.start("metrics-cluster", other, settings)) {
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(both(one, two, "engram_partitions", "standby"))
                            .isEqualTo(1));
            assertThat(both(one, two, "engram_partitions", "active")).isEqualTo(1);
            assertThat(both(one, two, "engram_ready")).isEqualTo(2);
            assertThat(one.sumOf("engram_partitions_configured")).isEqualTo(1);
            assertThat(one.metrics() + two.metrics())
                    .containsOnlyOnce("engram_standby_lag_records{partition=\"0\"} 0.0");
            assertThat(one.sumOf("engram_streaming_queue_capacity", "low")).isEqualTo(777);
            assertThat(one.sumOf("engram_streaming_queue_capacity", "high")).isEqualTo(10_000);
            assertThatTheReferencePageHas(MetricFamily.of(one.metrics() + two.metrics(), "engram_"));
        }
    }

    /** Whatever is called so is known: a typing error in a name would show up here. */
    private static void assertThatTheReferencePageHas(Map<String, MetricFamily> live) throws IOException {
        List<String> page = Files.readAllLines(Path.of("../docs/reference/metrics.md"));
        assertThat(page.stream().filter(line -> line.startsWith("| `")))
                .as("rows of docs/reference/metrics.md")
                .containsExactlyElementsOf(
                        live.values().stream().map(MetricFamily::row).toList());
    }

    private static double both(Instance one, Instance two, String name, String... labels) {
        return one.sumOf(name, labels) + two.sumOf(name, labels);
    }

    @Test
    void shouldCountWhatBecameOfRecalls() throws InterruptedException {
        try (Instance instance = Instance.start("metrics-recalls", stateDir)) {
            instance.send(Lane.NORMAL, "here", Observation.observe("s", 1, "c", new float[] {1, 2}));
            instance.flush();
            instance.awaitMemories(1);
            String good = "{\"vector\":[1,2]}";
            instance.post("/v1/spaces/here/recall", good);
            instance.post("/v1/spaces/here/recall", "{\"vector\":[1]}");
            instance.post("/v1/spaces/nowhere/recall", good);
            instance.post("/v1/recall", "{\"spaces\":[\"here\",\"nowhere\"],\"vector\":[1,2]}");
            int partition = SpacePartitioner.partition("here", 2);
            instance.post(
                    "/v1/spaces/here/recall",
                    "{\"vector\":[1,2],\"timeout_ms\":1,\"min_offsets\":{\"high-" + partition + "\":5}}");
            assertThat(instance.sumOf("engram_recalls_total", "answered")).isEqualTo(1);
            assertThat(instance.sumOf("engram_recalls_total", "invalid")).isEqualTo(2);
            assertThat(instance.sumOf("engram_recalls_total", "partial")).isEqualTo(1);
            assertThat(instance.sumOf("engram_recalls_total", "timeout")).isEqualTo(1);
            assertThat(instance.sumOf("engram_recalls_total", "failed")).isZero();
        }
    }

    @Test
    void shouldCapSpacesWithSeriesOfTheirOwn() throws InterruptedException {
        try (Instance instance =
                Instance.start("metrics-cap", stateDir, "metrics.max.spaces=2", "index.scan.threshold=0")) {
            for (int i = 0; i < 5; i++) {
                instance.send(Lane.NORMAL, "space-" + i, Observation.observe("s", 1, "c", new float[] {1, 2}));
            }
            instance.flush();
            instance.awaitMemories(5);
            assertThat(instance.sumOf("engram_streaming_observations_total", "_other"))
                    .isEqualTo(3);
            assertThat(instance.sumOf("engram_hnsw_index_size", "_other")).isEqualTo(3);
            assertThat(instance.sumOf("engram_streaming_observations_total")).isEqualTo(5);
        }
    }
}
