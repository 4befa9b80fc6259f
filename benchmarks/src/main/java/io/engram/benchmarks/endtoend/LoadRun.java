package io.engram.benchmarks.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.benchmarks.Machine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Puts loads on one instance, one after the other, and measures each. */
final class LoadRun {
    private static final long POLL_MS = 500;
    private static final long STALLED_S = 60;
    private static final double RECALLS_PER_SECOND = 20;

    private final Path home;
    private final Path directory;
    private final String bootstrap;
    private final ServedInstance instance;
    private final Workload workload;
    private final int dimension;
    private final Recaller recaller;
    private long next;

    LoadRun(
            Path home,
            Path directory,
            String bootstrap,
            ServedInstance instance,
            Workload workload,
            int dimension,
            long sent) {
        this.home = home;
        this.directory = directory;
        this.bootstrap = bootstrap;
        this.instance = instance;
        this.workload = workload;
        this.dimension = dimension;
        this.next = sent;
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

    /** At a steady rate, beside something else, which may end the instance; returns when all was sent, indexed or not. */
    void send(int count, double rate, Recaller.Action beside) throws IOException, InterruptedException {
        try (ChildProcess load =
                ChildProcess.start(home, directory.resolve("load.log"), heap(count), arguments(count, rate))) {
            load.await(LoadCommand.READY);
            load.proceed();
            next += count;
            beside.run();
            requireAllSent(load, count);
        }
    }

    private Phase run(String name, int count, double rate, boolean recalls) throws IOException, InterruptedException {
        try (ChildProcess load =
                ChildProcess.start(home, directory.resolve("load.log"), heap(count), arguments(count, rate))) {
            load.await(LoadCommand.READY);
            long from = next;
            int pauses = instance.gcPausesMs().size();
            long cpu = instance.process().cpuMicros();
            long compiler = instance.process().compilerMicros();
            Machine.Busy busy = Machine.busy();
            Course course = new Course(from, count);
            Recaller.Action action = () -> {
                load.proceed();
                follow(load, course);
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
                    course.sustained(),
                    instance.scrape().observationLatency().minus(course.latencyBefore()),
                    recallMs,
                    micros / count,
                    compilerMicros / count,
                    Machine.busy().shareSince(busy),
                    instance.process().rssBytes(),
                    allPauses.subList(pauses, allPauses.size()));
        }
    }

    /** It holds all records encoded; the heap that the caller wants is for the instance. */
    private String heap(int count) {
        long bytes = 2L * count * (dimension * 6L + 1_024 + workload.contentBytes());
        return "-Xmx" + (512 + (bytes >> 20)) + "m";
    }

    private List<String> arguments(int count, double rate) {
        return List.of(
                "bench",
                "load",
                "--bootstrap=" + bootstrap,
                "--prefix=" + instance.prefix(),
                "--partitions=" + EndToEndCommand.PARTITIONS,
                "--spaces=" + workload.spaces().size(),
                "--dimension=" + dimension,
                "--content=" + workload.contentBytes(),
                "--from=" + next,
                "--count=" + count,
                "--rate=" + rate,
                "--metrics=" + instance.metricsUrl());
    }

    /** Notes time and number of what is indexed until all is. */
    private void follow(ChildProcess load, Course course) throws IOException, InterruptedException {
        long until = course.until();
        long indexed = course.from();
        long movedAt = System.nanoTime();
        while (indexed < until) {
            Thread.sleep(POLL_MS);
            long now = System.nanoTime();
            long found = instance.scrape().indexed();
            if (course.settles(found)) {
                course.settled(instance.scrape().observationLatency());
            }
            course.add(now, found);
            if (found > indexed) {
                movedAt = now;
            } else if (now - movedAt > TimeUnit.SECONDS.toNanos(STALLED_S)) {
                throw new BenchmarkException(String.format(
                        "%,d of %,d observations are indexed and no more come; rejected: %,d; the load generator says: %s",
                        found - course.from(), course.count(), instance.scrape().rejected(), load.output()));
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
}
