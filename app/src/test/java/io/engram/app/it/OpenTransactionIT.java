package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Lanes behind transactions of producers: what waits is seen, and what is said of a record is what happened to it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OpenTransactionIT {
    private static final Duration SOON = Duration.ofSeconds(30);

    private Instance instance;
    private KafkaProducer<byte[], byte[]> producer;

    @BeforeAll
    void start(@TempDir Path stateDir) throws InterruptedException {
        instance = Instance.start("open-transaction", stateDir);
        producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", SharedBroker.bootstrapServers(), "transactional.id", "open-transaction"),
                new ByteArraySerializer(),
                new ByteArraySerializer());
        producer.initTransactions();
    }

    @AfterAll
    void stop() {
        producer.close(Duration.ofSeconds(5));
        instance.close();
    }

    private static Observation observation(String session, long sequence) {
        return Observation.observe(session, sequence, "c", new float[] {1, 0, sequence})
                .withId(session + sequence);
    }

    /** Writes a record within the transaction that is open. */
    private RecordMetadata write(Lane lane, String space, Observation observation)
            throws InterruptedException, ExecutionException {
        return producer.send(new ProducerRecord<>(
                        instance.config().topics().observations(lane),
                        space.getBytes(StandardCharsets.UTF_8),
                        ObservationCodec.encode(observation)))
                .get();
    }

    private String fate(String space, Lane lane, long offset) {
        HttpResponse<String> response = instance.get("/v1/spaces/" + space + "/records/" + lane.label() + "/" + offset);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return Instance.json(response).get("status").asText();
    }

    private JsonNode lane(Lane lane) {
        for (JsonNode found : Instance.json(instance.get("/v1/backpressure")).get("lanes")) {
            if (found.get("lane").asText().equals(lane.label())) {
                return found;
            }
        }
        throw new AssertionError("no lane " + lane);
    }

    private void awaitEmpty(Lane lane) {
        await().atMost(SOON).untilAsserted(() -> {
            assertThat(lane(lane).get("blocked").asLong()).isZero();
            assertThat(lane(lane).get("depth").asLong()).isZero();
        });
    }

    @Test
    void shouldShowWhatWaitsBehindAnOpenTransactionAndTellFatesByWhatHappened()
            throws InterruptedException, ExecutionException {
        String space = "held-up";
        producer.beginTransaction();
        RecordMetadata open = write(Lane.NORMAL, space, observation("t", 1));
        for (int i = 1; i <= 100; i++) {
            instance.send(Lane.NORMAL, space, observation("s", i));
        }
        instance.flush();

        await().atMost(SOON)
                .until(() -> lane(Lane.NORMAL).get("blocked").asLong() == 101
                        && lane(Lane.NORMAL).get("stalled_ms").asLong() > 0);
        JsonNode stalled = lane(Lane.NORMAL);
        assertThat(stalled.get("depth").asLong()).as("what can be processed").isZero();
        assertThat(stalled.get("level").asText()).isEqualTo("normal");
        assertThat(Instance.json(instance.get("/v1/backpressure"))
                        .at("/partitions/normal-" + open.partition() + "/blocked")
                        .asLong())
                .isEqualTo(101);
        assertThat(instance.sumOf("engram_streaming_lane_blocked_records", "normal"))
                .isEqualTo(101);
        assertThat(instance.sumOf("engram_streaming_lane_stalled_seconds", "normal"))
                .isPositive();
        assertThat(fate(space, Lane.NORMAL, open.offset())).isEqualTo("pending");
        assertThat(fate(space, Lane.NORMAL, open.offset() + 100)).isEqualTo("pending");
        producer.abortTransaction();

        await().atMost(SOON)
                .until(() -> fate(space, Lane.NORMAL, open.offset() + 100).equals("indexed"));
        awaitEmpty(Lane.NORMAL);
        assertThat(instance.sumOf("engram_streaming_lane_stalled_seconds", "normal"))
                .isZero();
        assertThat(fate(space, Lane.NORMAL, open.offset() + 101))
                .as("the marker")
                .isEqualTo("absent");
        assertThat(instance.isRemembered(space, "t1")).isFalse();

        producer.beginTransaction();
        RecordMetadata committed = write(Lane.NORMAL, space, observation("t", 1));
        producer.commitTransaction();
        await().atMost(SOON)
                .until(() -> fate(space, Lane.NORMAL, committed.offset() + 1).equals("absent"));
        assertThat(fate(space, Lane.NORMAL, committed.offset())).isEqualTo("indexed");
        awaitEmpty(Lane.NORMAL);

        producer.beginTransaction();
        RecordMetadata aborted = write(Lane.NORMAL, space, observation("t", 2));
        producer.abortTransaction();
        await().atMost(SOON)
                .until(() -> fate(space, Lane.NORMAL, aborted.offset()).equals("absent"));
        assertThat(fate(space, Lane.NORMAL, aborted.offset() + 1)).isEqualTo("absent");
        awaitEmpty(Lane.NORMAL);
    }

    @Test
    void shouldPassOverAnAbortedRecordOnALaneThatHasNothingElse() throws InterruptedException, ExecutionException {
        producer.beginTransaction();
        RecordMetadata aborted = write(Lane.HIGH, "only-aborted", observation("t", 1));
        producer.abortTransaction();

        await().atMost(SOON)
                .until(() -> !fate("only-aborted", Lane.HIGH, aborted.offset()).equals("pending"));
        assertThat(fate("only-aborted", Lane.HIGH, aborted.offset())).isIn("absent", "processed");
        awaitEmpty(Lane.HIGH);
    }

    @Test
    void shouldForgetAndDropWhatIsStillInAQueue() throws InterruptedException, ExecutionException {
        List<String> spaces = List.of("queued-forgotten", "queued-dropped");
        producer.beginTransaction();
        for (String space : spaces) {
            write(Lane.LOW, space, observation("t", 1)); // holds up everything behind it
            assertThat(observe(space, "x", "?priority=low").statusCode()).isEqualTo(202);
            assertThat(observe(space, "y", "?priority=low").statusCode()).isEqualTo(202);
        }
        assertThat(delete("/v1/spaces/queued-forgotten/memories/x")).isEqualTo(202);
        assertThat(delete("/v1/spaces/queued-forgotten/memories/y?priority=low"))
                .isEqualTo(202);
        assertThat(delete("/v1/spaces/queued-dropped")).isEqualTo(202);
        producer.abortTransaction();
        for (String space : spaces) {
            HttpResponse<String> last = observe(space, "last", "?priority=low&wait=indexed");
            assertThat(last.statusCode()).as(last.body()).isEqualTo(200);
            assertThat(instance.isRemembered(space, "x")).as(space).isFalse();
            assertThat(instance.isRemembered(space, "y")).as(space).isFalse();
            assertThat(instance.isRemembered(space, "last")).as(space).isTrue();
        }
    }

    private HttpResponse<String> observe(String space, String id, String query) {
        return instance.post(
                "/v1/spaces/" + space + "/observations" + query,
                "{\"id\":\"" + id + "\",\"content\":\"c\",\"embedding\":[1,0,0]}");
    }

    private int delete(String path) {
        return instance.request(HttpRequest.newBuilder().DELETE(), path).statusCode();
    }
}
