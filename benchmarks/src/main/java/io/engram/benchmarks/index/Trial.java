package io.engram.benchmarks.index;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Measures one contender over a set of vectors. */
final class Trial {
    static final int K = 10;
    static final int EF = 100;

    private static final int WARM_UP = 20_000;
    private static final double MIN_RECALL = 0.8;
    /** The last part of the inserts, beside which searches are measured; from the half on they warm up the two together. */
    private static final int BESIDE_SHARE = 10;

    /** How often one writer and two take turns, and for how long beyond the fewest. */
    private static final int MIN_TURNS = 2;

    private static final int MAX_TURNS = 5;
    private static final long TURNS_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final VectorSet vectors;
    private final ExactNeighbours exact;
    private final Maker maker;

    /** Makes a fresh contender. */
    interface Maker {
        Contender make() throws IOException;
    }

    /**
     * What was measured.
     *
     * @param insertsPerSecond by the count at which an interval ends
     * @param mean inserts per second, with what was left to do when they were over
     * @param heapBytes per vector that the contender holds once the inserts are over
     * @param diskBytes per vector that it has committed, when it does
     * @param idleMs searches with nothing else going on, milliseconds, ascending
     * @param besideMs searches while one thread inserts, milliseconds, ascending; empty when it cannot
     * @param commitSeconds what was left to do for it
     * @param reopenSeconds to close it and open it again
     * @param twoWriters inserts per second with two threads relative to one, when it takes two
     */
    record Result(
            String name,
            Map<Integer, Double> insertsPerSecond,
            double mean,
            double recall,
            double heapBytes,
            OptionalDouble diskBytes,
            double[] idleMs,
            double[] besideMs,
            OptionalDouble commitSeconds,
            OptionalDouble reopenSeconds,
            OptionalDouble twoWriters) {}

    Trial(VectorSet vectors, ExactNeighbours exact, Maker maker) {
        this.vectors = vectors;
        this.exact = exact;
        this.maker = maker;
    }

    /** @param checkpoints counts at which an interval ends, ascending, the last one all vectors */
    Result run(List<Integer> checkpoints) throws IOException, InterruptedException {
        warmUp();
        long before = usedHeap();
        Map<Integer, Double> rates = new LinkedHashMap<>();
        int count = vectors.base().length;
        try (Contender contender = maker.make()) {
            long start = System.nanoTime();
            long last = start;
            int from = 0;
            for (int checkpoint : checkpoints) {
                for (int i = from; i < checkpoint; i++) {
                    contender.add(i, vectors.base()[i]);
                }
                long now = System.nanoTime();
                rates.put(checkpoint, (checkpoint - from) * 1e9 / (now - last));
                last = now;
                from = checkpoint;
            }
            contender.settle();
            double mean = count * 1e9 / (System.nanoTime() - start);
            int[][] found = new int[vectors.queries().length][];
            search(contender, found);
            double[] idle = search(contender, found);
            double recall = exact.recall(found);
            if (recall < MIN_RECALL) {
                throw new IllegalStateException(contender.name() + " lost its way: recall@10 " + recall);
            }
            double bytes = (usedHeap() - before) / (double) count;
            Optional<Committed> committed = commit(contender, found);
            return new Result(
                    contender.name(),
                    rates,
                    mean,
                    recall,
                    bytes,
                    optional(committed.map(done -> done.diskBytes / (double) count)),
                    idle,
                    contender.searchesWhileInserting() ? searchBeside() : new double[0],
                    optional(committed.map(Committed::commitSeconds)),
                    optional(committed.map(Committed::reopenSeconds)),
                    contender.takesManyWriters() ? OptionalDouble.of(twoWriters()) : OptionalDouble.empty());
        }
    }

    private void warmUp() throws IOException {
        try (Contender contender = maker.make()) {
            for (int i = 0; i < Math.min(WARM_UP, vectors.base().length); i++) {
                contender.add(i, vectors.base()[i]);
            }
            search(contender, new int[vectors.queries().length][]);
        }
    }

    private double[] search(Contender contender, int[][] found) throws IOException {
        double[] tookMs = new double[found.length];
        for (int q = 0; q < found.length; q++) {
            long from = System.nanoTime();
            found[q] = contender.search(vectors.queries()[q], K, EF);
            tookMs[q] = (System.nanoTime() - from) / 1e6;
        }
        Arrays.sort(tookMs);
        return tookMs;
    }

    private static long usedHeap() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            Thread.sleep(100); // references are cleared by another thread
            Runtime runtime = Runtime.getRuntime();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }

    private record Committed(long diskBytes, double commitSeconds, double reopenSeconds) {}

    private static OptionalDouble optional(Optional<Double> value) {
        return value.isPresent() ? OptionalDouble.of(value.get()) : OptionalDouble.empty();
    }

    /** Opened again it must answer as before. */
    private Optional<Committed> commit(Contender contender, int[][] found) throws IOException {
        long start = System.nanoTime();
        if (!contender.commit()) {
            return Optional.empty();
        }
        long committed = System.nanoTime();
        contender.reopen();
        long reopened = System.nanoTime();
        int[][] again = new int[found.length][];
        search(contender, again);
        if (!Arrays.deepEquals(found, again)) {
            throw new IllegalStateException(contender.name() + " answers otherwise when it is opened again");
        }
        return Optional.of(
                new Committed(contender.diskBytes(), (committed - start) / 1e9, (reopened - committed) / 1e9));
    }

    /** Searches by one thread while another one inserts, of which the last part counts. */
    private double[] searchBeside() throws IOException, InterruptedException {
        int count = vectors.base().length;
        try (Contender contender = maker.make()) {
            int measured = count - count / BESIDE_SHARE;
            int from = count / 2;
            for (int i = 0; i < from; i++) {
                contender.add(i, vectors.base()[i]);
            }
            AtomicInteger next = new AtomicInteger(from);
            Thread writer = inserter(contender, next, count, new CountDownLatch(0));
            List<Double> tookMs = new ArrayList<>();
            for (int q = 0; writer.isAlive(); q++) {
                long start = System.nanoTime();
                contender.search(vectors.queries()[q % vectors.queries().length], K, EF);
                if (next.get() > measured) {
                    tookMs.add((System.nanoTime() - start) / 1e6);
                }
            }
            requireAll(next, count);
            return tookMs.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        }
    }

    private double twoWriters() throws IOException, InterruptedException {
        insert(2, Math.min(WARM_UP, vectors.base().length));
        long start = System.nanoTime();
        long oneNanos = 0;
        long twoNanos = 0;
        // In turns, so that a machine that slows down does so for both.
        for (int turn = 0; turn < MIN_TURNS || turn < MAX_TURNS && System.nanoTime() - start < TURNS_NANOS; turn++) {
            oneNanos += insert(1, vectors.base().length);
            twoNanos += insert(2, vectors.base().length);
        }
        return (double) oneNanos / twoNanos;
    }

    /** Nanoseconds that so many writers take for the first {@code count} vectors. */
    private long insert(int writers, int count) throws IOException, InterruptedException {
        try (Contender contender = maker.make()) {
            AtomicInteger next = new AtomicInteger();
            CountDownLatch begin = new CountDownLatch(1);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < writers; i++) {
                threads.add(inserter(contender, next, count, begin));
            }
            long start = System.nanoTime();
            begin.countDown();
            for (Thread thread : threads) {
                thread.join();
            }
            requireAll(next, count);
            return System.nanoTime() - start;
        }
    }

    private Thread inserter(Contender contender, AtomicInteger next, int count, CountDownLatch begin) {
        Thread thread = new Thread(() -> {
            try {
                begin.await();
                for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                    contender.add(i, vectors.base()[i]);
                }
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        thread.start();
        return thread;
    }

    private static void requireAll(AtomicInteger next, int count) {
        if (next.get() < count) {
            throw new IllegalStateException("inserted only up to " + next + " of " + count);
        }
    }
}
