package io.engram.app.lifecycle;

import io.engram.app.config.EngramConfig;
import io.engram.app.http.LoopbackRecall;
import io.engram.app.query.LocalStores;
import io.engram.index.IndexEngine;
import io.engram.index.VectorIndex;
import io.engram.schemas.Embeddings;
import io.engram.schemas.Metadata;
import io.engram.schemas.Observation;
import io.engram.topology.follow.IndexFiles;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.store.SampleStore;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.kafka.streams.KafkaStreams;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the JVM load and compile the whole way of a recall before clients go it, on a thread of its own while the stores are
 * restored: requests over a socket to the routes of recall, answered from a {@link SampleStore}.
 *
 * <pre>
 * LoopbackClient ─HTTP→ LoopbackRecall → routes, router, RecallService → LocalStores → SampleStore
 *                       (127.0.0.1)      (classes of the instance)                     small space: scan
 *                                                                                      large space: graph, sealed and open
 * </pre>
 *
 * Port, stores, metrics and threads are its own and gone when it ends: users, scrapes and Kafka see nothing of it. What fails
 * in it is a warning in the log. {@link #isOver} comes true in time whatever happens. Thread-safe.
 */
final class WarmUp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WarmUp.class);
    private static final int MAX_REQUESTS = 4_000;
    private static final long QUICK_NANOS = TimeUnit.MICROSECONDS.toNanos(1_500);
    private static final long END_MS = 5_000;

    /** A partition that no task has. */
    private static final int NOWHERE = Integer.MAX_VALUE;

    private static final String SMALL = "small";
    private static final String LARGE = "large";
    private static final int SMALL_MEMORIES = 50;
    private static final int SEALED_MEMORIES = 1_500;
    private static final int OPEN_MEMORIES = 500;
    private static final int DIMENSION = 256;
    private static final int QUERIES = 64;
    private static final int K = 10;

    private final EngramConfig config;
    private final KafkaStreams streams;
    private final Supplier<IndexEngine> engine;
    private final Consumer<Error> fatal;
    private final Random random = new Random(1);
    private final long deadlineNanos;
    private final CountDownLatch over = new CountDownLatch(1);
    private volatile boolean closed;
    private final Thread thread = new Thread(this::run, "engram-warm-up");

    /**
     * Starts it.
     *
     * @param streams of the instance, started or not: asked for a partition that it does not have
     * @param engine makes one that nobody else uses
     * @param fatal is told of an error after which this process should not go on
     */
    WarmUp(EngramConfig config, KafkaStreams streams, Supplier<IndexEngine> engine, Consumer<Error> fatal) {
        this.config = config;
        this.streams = streams;
        this.engine = engine;
        this.fatal = fatal;
        this.deadlineNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(config.warmUpMs());
        if (config.warmUpMs() == 0) {
            over.countDown();
        } else {
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** True once it has ended or its time is up: nobody waits for it any more. */
    boolean isOver() {
        return over.getCount() == 0 || System.nanoTime() - deadlineNanos >= 0;
    }

    private void run() {
        Path directory = config.warmUpDir();
        try {
            IndexFiles.delete(directory); // of a process that was killed
            Files.createDirectories(directory);
            EngramMetrics metrics = new EngramMetrics(new PrometheusRegistry(), 0);
            try (SampleStore sample = new SampleStore(NOWHERE, directory, engine.get(), metrics)) {
                LocalStores stores =
                        new LocalStores(streams, config.topics(), space -> NOWHERE, sample.stores(), Optional::empty);
                try (LoopbackRecall server = new LoopbackRecall(config, stores, metrics, fatal)) {
                    warmUp(sample, server);
                } finally {
                    over.countDown();
                }
            }
        } catch (InterruptedException e) {
            LOG.debug("The warm-up was stopped", e);
        } catch (IOException | RuntimeException e) {
            if (closed) {
                LOG.debug("The warm-up was stopped", e);
            } else {
                LOG.warn("The warm-up failed, the first recalls may be slow: {}", e.toString());
                LOG.debug("Why the warm-up failed", e);
            }
        } finally {
            over.countDown();
            IndexFiles.delete(directory);
        }
    }

    private void warmUp(SampleStore sample, LoopbackRecall server) throws IOException, InterruptedException {
        long start = System.nanoTime();
        if (!sample.awaitServing(deadlineNanos)) {
            return;
        }
        sample.remember(SMALL, memories(0, SMALL_MEMORIES));
        sample.remember(LARGE, memories(0, SEALED_MEMORIES));
        Warmth warmth = new Warmth(MAX_REQUESTS, deadlineNanos, QUICK_NANOS, System::nanoTime);
        Optional<VectorIndex> index = sample.index(LARGE, deadlineNanos);
        if (index.isPresent()) {
            index.get().seal();
            sample.remember(LARGE, memories(SEALED_MEMORIES, OPEN_MEMORIES));
        }
        List<String> queries = queries();
        int timeoutMs = (int) Math.max(1, config.warmUpMs());
        try (LoopbackClient client = new LoopbackClient(server.url(), timeoutMs)) {
            for (int i = 0; warmth.goesOn(); i++) {
                String space = i % 4 == 3 ? SMALL : LARGE;
                long sent = System.nanoTime();
                client.post("/v1/spaces/" + space + "/recall", queries.get(i % QUERIES));
                warmth.answered(System.nanoTime() - sent);
            }
        }
        LOG.debug(
                "Warmed up with {} recalls in {} ms; quick: {}",
                warmth.requests(),
                TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start),
                warmth.isQuick());
    }

    private List<Observation> memories(int from, int count) {
        return IntStream.range(from, from + count)
                .mapToObj(i -> Observation.observe("content " + i, vector())
                        .withId("memory-" + i)
                        .withMetadata(Metadata.of(Map.of("source", "warm-up", "number", i))))
                .toList();
    }

    private float[] vector() {
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    /** Vectors are base64 in most, as clients should send them, and numbers in some. */
    private List<String> queries() {
        List<String> queries = new ArrayList<>();
        for (int i = 0; i < QUERIES; i++) {
            float[] vector = vector();
            String text = i % 8 == 5 ? Arrays.toString(vector) : '"' + Embeddings.toBase64(vector) + '"';
            queries.add("{\"vector\":" + text + ",\"k\":" + K + "}");
        }
        return queries;
    }

    /** Ends it, whatever it does. */
    @Override
    public void close() {
        closed = true;
        over.countDown();
        thread.interrupt();
        try {
            thread.join(END_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
