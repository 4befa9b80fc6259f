package io.engram.app.faults;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A client under load: in several spaces on two lanes, sessions and one writer without a session each observe, replace,
 * forget and retry. It does what the documentation asks of clients, an idempotent producer, and rising sequence numbers
 * where there is a session, and nothing more.
 */
final class Workload implements AutoCloseable {
    static final int DIMENSION = 64;

    private static final List<Lane> LANES = List.of(Lane.HIGH, Lane.NORMAL);

    private static final class Session {
        final String space;
        final Lane lane;
        final String name;
        final boolean isSequenced;
        final List<String> ids = new ArrayList<>();
        final List<byte[]> recent = new ArrayList<>();
        long sequence;

        Session(String space, Lane lane, String name, boolean isSequenced) {
            this.space = space;
            this.lane = lane;
            this.name = name;
            this.isSequenced = isSequenced;
        }

        byte[] encode(Observation observation) {
            return ObservationCodec.encode(isSequenced ? observation.at(name, sequence) : observation);
        }
    }

    private final KafkaProducer<byte[], byte[]> producer;
    private final Topics topics;
    private final int perSecond;
    private final Random random = new Random(42);
    private final List<Session> sessions = new ArrayList<>();
    private final AtomicLong produced = new AtomicLong();
    private final AtomicReference<Exception> failure = new AtomicReference<>();
    private final Thread thread = new Thread(this::run, "workload");
    private volatile boolean running = true;

    Workload(String bootstrapServers, Topics topics, int spaces, int perSecond) {
        this.topics = topics;
        this.perSecond = perSecond;
        this.producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        bootstrapServers,
                        "enable.idempotence",
                        true,
                        "acks",
                        "all",
                        "linger.ms",
                        5,
                        "delivery.timeout.ms",
                        300_000,
                        "max.block.ms",
                        300_000),
                new ByteArraySerializer(),
                new ByteArraySerializer());
        for (int space = 0; space < spaces; space++) {
            for (Lane lane : LANES) {
                for (int i = 0; i < 3; i++) {
                    sessions.add(new Session("space-" + space, lane, "session-" + i, true));
                }
                sessions.add(new Session("space-" + space, lane, "none", false));
            }
        }
    }

    void start() {
        thread.start();
    }

    private void run() {
        long start = System.nanoTime();
        try {
            while (running && failure.get() == null) {
                long due = (System.nanoTime() - start) * perSecond / 1_000_000_000;
                while (produced.get() < due && running) {
                    next(sessions.get(random.nextInt(sessions.size())));
                }
                Thread.sleep(2);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            failure.compareAndSet(null, e);
        }
    }

    private void next(Session session) {
        int dice = random.nextInt(100);
        if (dice < 3 && !session.recent.isEmpty()) {
            // A retry of a client that has not seen its acknowledgement.
            send(session, session.recent.get(random.nextInt(session.recent.size())));
            return;
        }
        long sequence = ++session.sequence;
        byte[] value;
        if (dice < 5 && !session.ids.isEmpty()) {
            value = session.encode(Observation.forget(anyId(session)));
        } else if (dice >= 75 && !session.isSequenced) {
            // Without an id it is told by its place on the lane; sent again it would be another memory.
            send(session, session.encode(observation(session, sequence)));
            return;
        } else {
            boolean replaces = dice < 10 && !session.ids.isEmpty();
            String id = replaces ? anyId(session) : session.name + "-" + session.lane.label() + "-" + sequence;
            if (!replaces) {
                session.ids.add(id);
            }
            value = session.encode(observation(session, sequence).withId(id));
        }
        session.recent.add(value);
        if (session.recent.size() > 5) {
            session.recent.remove(0);
        }
        send(session, value);
    }

    private Observation observation(Session session, long sequence) {
        return Observation.observe(session.space + " says " + sequence, vector());
    }

    private String anyId(Session session) {
        return session.ids.get(random.nextInt(session.ids.size()));
    }

    private float[] vector() {
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    private void send(Session session, byte[] value) {
        produced.incrementAndGet();
        producer.send(
                new ProducerRecord<>(
                        topics.observations(session.lane), session.space.getBytes(StandardCharsets.UTF_8), value),
                (metadata, e) -> {
                    if (e != null) {
                        failure.compareAndSet(null, e);
                    }
                });
    }

    long produced() {
        return produced.get();
    }

    /** Ends the load and waits until the broker has everything. */
    void finish() throws InterruptedException {
        running = false;
        thread.join();
        producer.flush();
        if (failure.get() != null) {
            throw new AssertionError("the client could not send", failure.get());
        }
    }

    @Override
    public void close() {
        running = false;
        producer.close(Duration.ofSeconds(1));
    }
}
