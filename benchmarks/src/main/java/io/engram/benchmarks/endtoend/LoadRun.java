package io.engram.benchmarks.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Puts loads on one instance, one after the other, and measures each. */
final class LoadRun {
    private static final long POLL_MS = 500;
    private static final long STALLED_S = 60;
    private static final double RECALLS_PER_SECOND = 20;
    // Of the observations: before it the load is still growing, after it there is none left to send.
    private static final double SUSTAINED_FROM = 0.2;
    private static final double SUSTAINED_TO = 0.9;

    private final Path home;
    private final Path directory;
    private final String bootstrap;
    private final ServedInstance instance;
    private final Workload workload;
    private final int dimension;
    private final Recaller recaller;
    private long next;

    LoadRun(Path home, Path directory, String bootstrap, ServedInstance instance, Workload workload, int dimension) {
        this.home = home;
        this.directory = directory;
        this.bootstrap = bootstrap;
        this.instance = instance;
        this.workload = workload;
        this.dimension = dimension;
        this.recaller = new Recaller(instance.url(), workload);
    }

    /** Observations sent so far. */
    long sent() {
        return next;
    }

    Recaller recaller() {
        return recaller;
    }

    /** As fast as the instance keeps up with; the rate is that of the middle of the run. */
    Phase saturate(String name, int count) throws IOException, InterruptedException {
        return run(name, count, 0, false);
    }

    /** At a steady rate, with recalls beside it. */
    Phase steady(String name, int count, double rate) throws IOException, InterruptedException {
        return run(name, count, rate, true);
    }

    private Phase run(String name, int count, double rate, boolean recalls) throws IOException, InterruptedException {
        try (ChildProcess load = ChildProcess.start(home, directory.resolve("load.log"), "", arguments(count, rate))) {
            load.await(LoadCommand.READY);
            long from = next;
            NativeHistogram latency = instance.scrape().observationLatency();
            int pauses = instance.gcPausesMs().size();
            long cpu = instance.process().cpuMicros();
            long compiler = instance.process().compilerMicros();
            List<long[]> samples = new ArrayList<>();
            Recaller.Action action = () -> {
                load.proceed();
                follow(load, from, from + count, samples);
            };
            List<Double> recallMs = List.of();
            if (recalls) {
                recallMs = recaller.beside(RECALLS_PER_SECOND, action);
            } else {
                action.run();
            }
            next += count;
            double micros = instance.process().cpuMicros() - cpu;
            double compilerMicros = instance.process().compilerMicros() - compiler;
            requireAllSent(load, count);
            List<Double> allPauses = instance.gcPausesMs();
            return new Phase(
                    name,
                    count,
                    sustained(samples, from, count),
                    instance.scrape().observationLatency().minus(latency),
                    recallMs,
                    micros / count,
                    compilerMicros / count,
                    instance.process().rssBytes(),
                    allPauses.subList(pauses, allPauses.size()));
        }
    }

    private List<String> arguments(int count, double rate) {
        return List.of(
                "bench",
                "load",
                "--bootstrap=" + bootstrap,
                "--prefix=" + instance.prefix(),
                "--partitions=" + EndToEndCommand.PARTITIONS,
                "--spaces-per-partition=" + workload.spaces().size() / EndToEndCommand.PARTITIONS,
                "--dimension=" + dimension,
                "--from=" + next,
                "--count=" + count,
                "--rate=" + rate,
                "--metrics=" + instance.metricsUrl());
    }

    /** Notes time and number of what is indexed until all is. */
    private void follow(ChildProcess load, long from, long until, List<long[]> samples)
            throws IOException, InterruptedException {
        long indexed = from;
        long movedAt = System.nanoTime();
        while (indexed < until) {
            Thread.sleep(POLL_MS);
            long now = System.nanoTime();
            long found = instance.scrape().indexed();
            samples.add(new long[] {now, found});
            if (found > indexed) {
                movedAt = now;
            } else if (now - movedAt > TimeUnit.SECONDS.toNanos(STALLED_S)) {
                throw new BenchmarkException(String.format(
                        "%,d of %,d observations are indexed and no more come; rejected: %,d; the load generator says: %s",
                        found - from, until - from, instance.scrape().rejected(), load.output()));
            }
            indexed = found;
            instance.process().requireAlive();
        }
    }

    private static void requireAllSent(ChildProcess load, int count) throws InterruptedException, IOException {
        JsonNode report = new ObjectMapper().readTree(load.await("\\{.*\\}").group());
        if (report.path("sent").asInt() != count) {
            throw new BenchmarkException("not all was sent: " + report);
        }
    }

    private static double sustained(List<long[]> samples, long from, int count) {
        long[] first = firstAtLeast(samples, from + (long) (SUSTAINED_FROM * count));
        long[] last = firstAtLeast(samples, from + (long) (SUSTAINED_TO * count));
        if (last[0] == first[0]) {
            throw new BenchmarkException("too short to measure; use a larger --count or --seconds");
        }
        return (last[1] - first[1]) * 1e9 / (last[0] - first[0]);
    }

    private static long[] firstAtLeast(List<long[]> samples, long indexed) {
        return samples.stream()
                .filter(sample -> sample[1] >= indexed)
                .findFirst()
                .orElseThrow();
    }
}
