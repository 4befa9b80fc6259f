package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.BackpressureStatus;
import io.engram.schemas.JsonCodec;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens when more comes than can be indexed at once. */
@Tag("alone")
class SchedulingIT {
    private static final String SPACE = "busy";
    private static final int DIMENSION = 256;

    @TempDir
    Path stateDir;

    private final Random random = new Random(1);

    private float[] random() {
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    @Test
    void shouldRecallUrgentObservationWithinASecondBehindALongQueue() throws InterruptedException {
        try (Instance instance = Instance.start("urgent", stateDir, "partitions=1", "index.workers=1")) {
            for (int i = 1; i <= 300; i++) {
                instance.send(
                        Lane.LOW,
                        SPACE,
                        Observation.observe("low", i, "low", random()).withId("low" + i));
            }
            for (int i = 1; i <= 20_000; i++) {
                instance.send(Lane.NORMAL, SPACE, Observation.observe("normal", i, "normal", random()));
            }
            instance.flush();
            // Warm, and with the queue still long: otherwise there is nothing to overtake.
            await().atMost(Duration.ofSeconds(60)).until(() -> instance.memories() > 500);
            long slowest = 0;
            for (int i = 1; i <= 5; i++) {
                String id = "urgent" + i;
                long start = System.nanoTime();
                instance.send(
                        Lane.HIGH,
                        SPACE,
                        Observation.observe("high", i, "high", random()).withId(id));
                instance.flush();
                JsonNode found = awaitRecallable(instance, id);
                slowest = Math.max(slowest, (System.nanoTime() - start) / 1_000_000);
                assertThat(found.get("id").asText()).isEqualTo(id);
                assertThat(instance.sumOf("engram_streaming_queue_depth", "normal"))
                        .as("still queued")
                        .isGreaterThan(3_000);
            }
            assertThat(slowest).as("milliseconds until recallable").isLessThan(1_000);
            System.out.println("slowest urgent observation behind the queue: " + slowest + " ms");
            // The rest arrives as well, low included.
            instance.awaitMemories(20_305);
            assertThat(instance.sumOf("engram_streaming_observations_total", "low"))
                    .isEqualTo(300);
            assertThat(instance.rejected()).isEmpty();
            assertThat(instance.sumOf("engram_streaming_queue_depth")).isZero();
        }
    }

    private JsonNode awaitRecallable(Instance instance, String id) {
        return await().atMost(Duration.ofSeconds(30))
                .pollInterval(Duration.ofMillis(10))
                .ignoreExceptions()
                .until(() -> find(instance, id), found -> found != null);
    }

    /** The memory among those that the index finds for its own embedding; null while it is not there. */
    private static JsonNode find(Instance instance, String id) {
        var response = instance.get("/v1/spaces/" + SPACE + "/memories/" + id + "?include=embedding");
        if (response.statusCode() != 200) {
            return null;
        }
        JsonNode memory = Instance.json(response);
        JsonNode results = instance.recall(SPACE, "{\"k\":1,\"vector\":" + memory.get("embedding") + "}")
                .get("results");
        return results.size() == 1 && results.get(0).get("id").asText().equals(id) ? results.get(0) : null;
    }

    @Test
    void shouldShedWithRetryAfterAndAgreeEverywhere() throws InterruptedException {
        try (Instance instance = Instance.start(
                "overload",
                stateDir,
                "partitions=1",
                "index.workers=1",
                "index.scan.threshold=0",
                Instance.SLOW_INDEX,
                "queue.capacity.normal=1000",
                "redelivery.enabled=false",
                "backpressure.hold.ms=300",
                "backpressure.status.interval.ms=200")) {
            for (int i = 1; i <= 8_000; i++) {
                instance.send(Lane.NORMAL, SPACE, Observation.observe("s", i, "c", random()));
            }
            instance.flush();
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> instance.sumOf("engram_streaming_backpressure_state", SPACE) == 3);
            JsonNode backpressure = Instance.json(instance.get("/v1/backpressure"));
            assertThat(backpressure.get("level").asText()).isEqualTo("overloaded");
            assertThat(backpressure
                            .get("partitions")
                            .get("normal-0")
                            .get("retry_after_ms")
                            .asLong())
                    .isPositive();
            var refused =
                    instance.post("/v1/spaces/" + SPACE + "/observations", "{\"content\":\"c\",\"embedding\":[1,2]}");
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(Long.parseLong(
                            refused.headers().firstValue("Retry-After").orElseThrow()))
                    .isPositive();

            await().atMost(Duration.ofSeconds(60))
                    .until(() -> instance.sumOf("engram_streaming_queue_depth") == 0
                            && instance.sumOf("engram_streaming_backpressure_state", SPACE) == 0);
            long shed = (long) instance.sumOf("engram_streaming_observations_rejected_total", "over_capacity");
            assertThat(shed).isPositive();
            assertThat(instance.memories() + shed).as("nothing lost").isEqualTo(8_000);
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> instance.rejected().size() == shed);
            assertThat(instance.rejected()).allSatisfy(record -> {
                assertThat(Instance.reason(record)).isEqualTo("over_capacity");
                assertThat(Long.parseLong(Instance.header(record, "engram-retry-after-ms")))
                        .isPositive();
            });
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> lastStatus(instance).get("normal-0").level().equals("normal"));
            JsonNode quiet = Instance.json(instance.get("/v1/backpressure"));
            assertThat(quiet.get("partitions").get("normal-0").get("level").asText())
                    .isEqualTo(lastStatus(instance).get("normal-0").level());
            for (String level : new String[] {"warning", "critical", "overloaded", "normal"}) {
                boolean fell = !level.equals("overloaded");
                assertThat(instance.sumOf(
                                "engram_streaming_backpressure_activations_total", SPACE, "\"" + level + "\""))
                        .as(level)
                        .isGreaterThanOrEqualTo(fell ? 1 : 0);
            }
        }
    }

    private static Map<String, BackpressureStatus> lastStatus(Instance instance) {
        Map<String, BackpressureStatus> last = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : instance.readAll("overload-backpressure")) {
            last.put(new String(record.key(), StandardCharsets.UTF_8), JsonCodec.decodeBackpressure(record.value()));
        }
        return last;
    }
}
