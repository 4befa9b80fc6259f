package io.engram.benchmarks.endtoend;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Sends a part of the {@link Workload}: at a steady rate, or as fast as the instance keeps up with. Encodes everything
 * first, says {@value #READY}, waits for a line on standard input, sends, and prints what it did as JSON.
 */
@Command(name = "load", hidden = true, description = "The load generator of the end-to-end benchmark.")
public final class LoadCommand implements Callable<Integer> {
    static final String READY = "encoded";

    private static final long POLL_MS = 500;
    private static final int CHECK_EVERY = 32;

    @Option(names = "--bootstrap", required = true)
    private String bootstrap;

    @Option(names = "--prefix", required = true)
    private String prefix;

    @Option(names = "--partitions", required = true)
    private int partitions;

    @Option(names = "--spaces", required = true)
    private int spaces;

    @Option(names = "--dimension", required = true)
    private int dimension;

    @Option(names = "--content")
    private int contentBytes;

    @Option(names = "--from", required = true)
    private long from;

    @Option(names = "--count", required = true)
    private int count;

    @Option(names = "--rate", description = "Observations per second; 0: as fast as --window allows.")
    private double rate;

    @Option(names = "--window", description = "Observations that may be on their way at a time.")
    private int window = 20_000;

    @Option(names = "--metrics", required = true)
    private String metricsUrl;

    private final AtomicLong failed = new AtomicLong();
    private volatile long indexed;
    private volatile boolean done;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Workload workload = new Workload(partitions, spaces, dimension, contentBytes);
        byte[][] values = new byte[count][];
        for (int i = 0; i < count; i++) {
            values[i] = workload.value(from + i);
        }
        try (KafkaProducer<byte[], byte[]> producer = producer()) {
            producer.partitionsFor(new Topics(prefix).observations(Lane.NORMAL));
            System.out.println(READY);
            if (System.in.read() < 0) {
                return 1; // whoever started this is gone
            }
            indexed = from;
            Thread watch = new Thread(this::watchIndexed, "watch-indexed");
            if (rate == 0) {
                watch.start();
            }
            long start = System.nanoTime();
            send(producer, workload, values, start);
            producer.flush();
            double seconds = (System.nanoTime() - start) / 1e9;
            done = true;
            System.out.println(new ObjectMapper()
                    .createObjectNode()
                    .put("sent", count - failed.get())
                    .put("failed", failed.get())
                    .put("seconds", seconds));
        }
        return failed.get() == 0 ? 0 : 1;
    }

    private KafkaProducer<byte[], byte[]> producer() {
        return new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        bootstrap,
                        "acks",
                        "all",
                        "enable.idempotence",
                        true,
                        "linger.ms",
                        2,
                        "batch.size",
                        128 << 10,
                        "buffer.memory",
                        64L << 20,
                        "max.block.ms",
                        300_000,
                        "delivery.timeout.ms",
                        300_000),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    private void send(KafkaProducer<byte[], byte[]> producer, Workload workload, byte[][] values, long start) {
        String topic = new Topics(prefix).observations(Lane.NORMAL);
        for (int i = 0; i < count; i++) {
            if (rate > 0) {
                long due = start + (long) (i * 1e9 / rate);
                for (long wait = due - System.nanoTime(); wait > 0; wait = due - System.nanoTime()) {
                    LockSupport.parkNanos(wait);
                }
            } else if (i % CHECK_EVERY == 0) {
                while (from + i - indexed > window) {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
                }
            }
            producer.send(new ProducerRecord<>(topic, workload.key(from + i), values[i]), (metadata, error) -> {
                if (error != null) {
                    failed.incrementAndGet();
                }
            });
        }
    }

    private void watchIndexed() {
        Scrape scrape = new Scrape(metricsUrl);
        try {
            while (!done) {
                indexed = scrape.indexed();
                Thread.sleep(POLL_MS);
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot see what is indexed: " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
