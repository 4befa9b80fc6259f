package io.engram.app.faults;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Topics;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Sends observations around clusters of random vectors, as embeddings of real texts are. */
final class Loader implements AutoCloseable {
    private static final int CLUSTERS = 50;

    private final KafkaProducer<byte[], byte[]> producer;
    private final Topics topics = new Topics("engram");
    private final Random random = new Random(11);
    private final float[][] centres;
    private final int dimension;
    private final Map<String, Long> sequences = new HashMap<>();

    Loader(int kafkaPort, int dimension) {
        this.dimension = dimension;
        this.centres = new float[CLUSTERS][dimension];
        for (float[] centre : centres) {
            for (int i = 0; i < dimension; i++) {
                centre[i] = (float) random.nextGaussian();
            }
        }
        this.producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        "127.0.0.1:" + kafkaPort,
                        "acks",
                        "all",
                        "linger.ms",
                        5,
                        "batch.size",
                        256 << 10,
                        "delivery.timeout.ms",
                        300_000,
                        "max.block.ms",
                        300_000),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    float[] vector() {
        float[] centre = centres[random.nextInt(CLUSTERS)];
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = centre[i] + 0.4f * (float) random.nextGaussian();
        }
        return vector;
    }

    /** Sends the next observation of the space's session; its id is {@code id}. */
    void observe(String space, Lane lane, String session, String id, String content) {
        long sequence = sequences.merge(space + lane + session, 1L, Long::sum);
        send(
                space,
                lane,
                Observation.observe(session, sequence, content, vector()).withId(id));
    }

    void forget(String space, Lane lane, String session, String id) {
        long sequence = sequences.merge(space + lane + session, 1L, Long::sum);
        send(space, lane, Observation.forget(session, sequence, id));
    }

    void send(String space, Lane lane, Observation observation) {
        producer.send(new ProducerRecord<>(
                topics.observations(lane),
                space.getBytes(StandardCharsets.UTF_8),
                ObservationCodec.encode(observation)));
    }

    void flush() {
        producer.flush();
    }

    @Override
    public void close() {
        producer.close();
    }
}
