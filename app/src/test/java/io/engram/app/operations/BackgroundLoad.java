package io.engram.app.operations;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Topics;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Observations and recalls at a steady rate, and a flood on demand. */
final class BackgroundLoad implements AutoCloseable {
    private static final int DIMENSION = 768;
    private static final int TOPICS = 200;
    private static final String[] SPACES = {"red", "green", "blue", "grey"};

    private final Topics topics = new Topics("engram");
    private final HttpClient http = HttpClient.newHttpClient();
    private final SplittableRandom random = new SplittableRandom(1);
    private final float[][] about = new float[TOPICS][DIMENSION];
    private final ScheduledExecutorService executor = Executors.newScheduledThreadPool(2);
    private final KafkaProducer<byte[], byte[]> producer;
    private final String url;
    private long steady;
    private long flooded;

    BackgroundLoad(String bootstrap, String url) {
        this.url = url;
        for (float[] topic : about) {
            for (int i = 0; i < DIMENSION; i++) {
                topic[i] = (float) random.nextDouble(-1, 1);
            }
        }
        producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrap, "acks", "all", "enable.idempotence", true),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    /** Observations per second from now on, and half as many recalls. */
    void start(Lane lane, int perSecond) {
        long periodUs = 1_000_000 / perSecond;
        executor.scheduleAtFixedRate(() -> send(lane, "steady", steady++), 0, periodUs, TimeUnit.MICROSECONDS);
        executor.scheduleAtFixedRate(this::recall, 0, 2 * periodUs, TimeUnit.MICROSECONDS);
    }

    /** So many more at once. */
    void flood(Lane lane, int count) {
        for (int i = 0; i < count; i++) {
            send(lane, "flood", flooded++);
        }
        producer.flush();
    }

    /** Numbers from 0 go round the spaces; each space has a session of the name. */
    private void send(Lane lane, String session, long number) {
        String space = SPACES[(int) (number % SPACES.length)];
        long sequence = number / SPACES.length + 1;
        producer.send(new ProducerRecord<>(
                topics.observations(lane),
                space.getBytes(StandardCharsets.UTF_8),
                ObservationCodec.encode(Observation.observe(session, sequence, "c", vector()))));
    }

    /** About one of the topics, as embeddings are: among vectors of mere noise all are far, and most have to be compared. */
    private synchronized float[] vector() {
        float[] vector = about[random.nextInt(TOPICS)].clone();
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] += (float) random.nextDouble(-0.5, 0.5);
        }
        return vector;
    }

    private void recall() {
        StringBuilder body = new StringBuilder("{\"vector\":[");
        for (float component : vector()) {
            body.append(component).append(',');
        }
        body.setCharAt(body.length() - 1, ']');
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/spaces/red/recall"))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofSeconds(5))
                .POST(HttpRequest.BodyPublishers.ofString(body + "}"))
                .build();
        try {
            http.send(request, BodyHandlers.discarding());
        } catch (IOException | InterruptedException e) {
            // A recall that is late in an overload is what the alerts are about.
        }
    }

    @Override
    public void close() {
        executor.shutdownNow();
        producer.close(Duration.ofSeconds(10));
    }
}
