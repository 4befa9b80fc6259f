package io.engram.benchmarks.endtoend;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.Operation;
import io.engram.schemas.SpaceSettings;
import io.engram.schemas.Topics;
import io.engram.topology.SpacePartitioner;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Takes many spaces away from an instance at once, by records of Kafka: some are dropped, the memories of others get too old.
 *
 * <pre>
 * spaces of a partition in order of their names:   stay │ dropped │ expire │ stay
 * </pre>
 *
 * They are neighbours in the store, and are told from the last to the first, so that each that is swept has deleted ones
 * behind it: of all orders the slowest to read.
 */
final class LeavingSpaces {
    /** The longest calls are those of the last two windows of Kafka's metrics: this long after others they are gone. */
    static final int FORGET_CALLS_S = 62;

    private static final int TENTH = 10;

    /** A tenth of the spaces of each partition is one at least. */
    static final int MIN_SPACES = TENTH * EndToEndCommand.PARTITIONS;

    /** Until then nothing more expires than what is too old at once, milliseconds. */
    static final long LATER_MS = 30_000;

    private static final String PROCESS = "kafka_stream_task_process_latency_max";
    private static final String PUNCTUATE = "kafka_stream_task_punctuate_latency_max";

    /** Each call is measured by itself only then: else what a thread does in a row is divided by how much it was. */
    static final String MEASURE_EACH_CALL = "streams.metrics.recording.level=DEBUG";

    private static final double RECORDS_PER_SECOND = 5_000;
    private static final double RECALLS_PER_SECOND = 50;
    private static final int LOOK_EVERY = 20_000;
    private static final int SAMPLE = 200;
    private static final long POLL_MS = 1_000;
    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long STALLED_NANOS = TimeUnit.MINUTES.toNanos(10);
    private static final long AT_ONCE_MS = 1_000;

    private final Setup setup;
    private final Workload workload;
    private final int memories;
    private final List<String> dropped = new ArrayList<>();
    private final List<String> expired = new ArrayList<>();
    private final List<String> staying = new ArrayList<>();
    private final List<String> before = new ArrayList<>();

    /**
     * @param memories in each space
     * @param count spaces that are dropped, and as many that expire; at most a tenth of all each
     */
    LeavingSpaces(Setup setup, Workload workload, int memories, int count) {
        this.setup = setup;
        this.workload = workload;
        this.memories = memories;
        Map<Integer, List<String>> byPartition = workload.spaces().stream()
                .collect(Collectors.groupingBy(space -> SpacePartitioner.partition(space, EndToEndCommand.PARTITIONS)));
        for (List<String> spaces : byPartition.values()) {
            int share = Math.max(1, Math.min(count / EndToEndCommand.PARTITIONS, spaces.size() / TENTH));
            List<String> sorted = spaces.stream().sorted().toList();
            dropped.addAll(sorted.subList(share, 2 * share));
            expired.addAll(sorted.subList(2 * share, 3 * share));
            before.add(sorted.get(share - 1));
            staying.addAll(sorted.subList(0, share));
            staying.addAll(sorted.subList(3 * share, sorted.size()));
        }
        Collections.shuffle(staying, new Random(2));
    }

    /**
     * What it came to.
     *
     * @param spaces that were dropped, and as many expired
     * @param processMs longest call of a stream thread for a record, milliseconds
     * @param punctuateMs longest call of a stream thread for the time, milliseconds
     * @param recallMs how long each recall beside it took, in a space that stays, milliseconds
     * @param tookSeconds until nothing was left of them
     */
    record Left(int spaces, double processMs, double punctuateMs, List<Double> recallMs, double tookSeconds) {}

    /** Memories that are gone. */
    long memoriesGone() {
        return (long) memories * (dropped.size() + expired.size());
    }

    /**
     * Takes them away, and returns once nothing of them is left.
     *
     * @param instance where nothing happened for {@value #FORGET_CALLS_S} s, with {@link #MEASURE_EACH_CALL}
     * @param writtenFromMs when the first memory was written, epoch ms
     */
    Left leave(ServedInstance instance, long writtenFromMs) throws IOException, InterruptedException {
        Calls calls = new Calls(instance.scrape());
        long expiredBefore = instance.scrape().expired();
        long start = System.nanoTime();
        double[] tookSeconds = new double[1];
        // Of the spaces that stay those before what leaves are the slowest to read.
        List<String> asked = IntStream.range(0, staying.size())
                .mapToObj(i -> i % 10 == 0 ? before.get(i / 10 % before.size()) : staying.get(i))
                .toList();
        List<Double> recallMs = new Recaller(instance.url(), workload, asked, Math.min(memories, Recaller.K))
                .beside(RECALLS_PER_SECOND, () -> {
                    send(instance.prefix(), writtenFromMs, calls);
                    long until = awaitGone(instance, expiredBefore, calls);
                    tookSeconds[0] = (until - start) / 1e9;
                });
        requireGone(instance);
        return new Left(dropped.size(), calls.processMs, calls.punctuateMs, recallMs, tookSeconds[0]);
    }

    /** The longest calls so far. */
    private static final class Calls {
        private final Scrape scrape;
        private double processMs;
        private double punctuateMs;

        Calls(Scrape scrape) {
            this.scrape = scrape;
        }

        void look() throws IOException, InterruptedException {
            processMs = Math.max(processMs, scrape.highest(PROCESS) / 1e6);
            punctuateMs = Math.max(punctuateMs, scrape.highest(PUNCTUATE) / 1e6);
        }
    }

    private record Leave(String space, Observation observation) {}

    private void send(String prefix, long writtenFromMs, Calls calls) throws IOException, InterruptedException {
        long ageMs = System.currentTimeMillis() - writtenFromMs;
        List<Leave> all = new ArrayList<>();
        dropped.forEach(space -> all.add(new Leave(space, Observation.of(Operation.DROP))));
        for (int i = 0; i < expired.size(); i++) {
            // Half of them are too old already, the others become so meanwhile, in the order in which they were
            // written.
            long ttlMs = i % 2 == 0 ? AT_ONCE_MS : ageMs + LATER_MS;
            SpaceSettings settings = SpaceSettings.ofRetention(OptionalLong.of(ttlMs), OptionalLong.empty());
            all.add(new Leave(expired.get(i), Observation.configure(settings)));
        }
        all.sort(Comparator.comparing(Leave::space).reversed());
        AtomicLong failed = new AtomicLong();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", setup.bootstrap(), "linger.ms", 2),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
            long start = System.nanoTime();
            for (int i = 0; i < all.size(); i++) {
                long due = start + (long) (i * 1e9 / RECORDS_PER_SECOND);
                for (long wait = due - System.nanoTime(); wait > 0; wait = due - System.nanoTime()) {
                    LockSupport.parkNanos(wait);
                }
                byte[] key = all.get(i).space().getBytes(StandardCharsets.UTF_8);
                byte[] value = ObservationCodec.encode(all.get(i).observation());
                producer.send(
                        new ProducerRecord<>(new Topics(prefix).observations(Lane.NORMAL), key, value),
                        (metadata, error) -> failed.addAndGet(error == null ? 0 : 1));
                if (i % LOOK_EVERY == 0) {
                    calls.look();
                }
            }
            producer.flush();
        }
        if (failed.get() > 0) {
            throw new BenchmarkException(failed + " records were not taken by the broker");
        }
    }

    /** Waits until all that expires has, and nothing is written any more; returns when the last was. */
    private long awaitGone(ServedInstance instance, long expiredBefore, Calls calls)
            throws IOException, InterruptedException {
        long toExpire = (long) memories * expired.size();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", setup.bootstrap()))) {
            long written = -1;
            long movedAt = System.nanoTime();
            while (true) {
                Thread.sleep(POLL_MS);
                calls.look();
                instance.process().requireAlive();
                long now = System.nanoTime();
                long found = written(admin, instance.prefix());
                if (found != written) {
                    written = found;
                    movedAt = now;
                }
                long gone = instance.scrape().expired() - expiredBefore;
                if (gone == toExpire && now - movedAt > QUIET_NANOS) {
                    return movedAt;
                }
                if (gone > toExpire || now - movedAt > STALLED_NANOS) {
                    throw new BenchmarkException(gone + " memories expired instead of " + toExpire);
                }
            }
        }
    }

    /** Records of the changelog of the memories: whatever a sweep deletes is one more. */
    private static long written(Admin admin, String prefix) throws InterruptedException {
        Map<TopicPartition, OffsetSpec> asked = IntStream.range(0, EndToEndCommand.PARTITIONS)
                .boxed()
                .collect(Collectors.toMap(
                        partition -> new TopicPartition(prefix + "-memory-changelog", partition),
                        partition -> OffsetSpec.latest()));
        try {
            return admin.listOffsets(asked).all().get().values().stream()
                    .mapToLong(ListOffsetsResultInfo::offset)
                    .sum();
        } catch (ExecutionException e) {
            throw new BenchmarkException("the broker does not say how long the changelog is: " + e.getCause());
        }
    }

    private void requireGone(ServedInstance instance) throws IOException, InterruptedException {
        Recaller recaller = new Recaller(instance.url(), workload);
        Random random = new Random(3);
        for (List<String> spaces : List.of(dropped, expired)) {
            for (int i = 0; i < SAMPLE; i++) {
                String space = spaces.get(random.nextInt(spaces.size()));
                int found = recaller.found(space, workload.query(i));
                if (found > 0) {
                    throw new BenchmarkException("space " + space + " is gone, but has " + found + " memories");
                }
            }
        }
    }
}
