package io.engram.benchmarks.endtoend;

import io.engram.benchmarks.Machine;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What a few large spaces cost an instance with little memory: heap, recall from the page cache and from the disk, restarts. */
@Command(
        name = "large",
        description = "A few large spaces in one instance with little memory: heap, recall, restarts.",
        mixinStandardHelpOptions = true)
public final class LargeCommand implements Callable<Integer> {
    /** In each space before the heap is looked at for the first time: too few for an index. */
    private static final int FEW = 500;

    private static final double FEW_PER_SECOND = 2_000;
    private static final int PER_LOAD = 100_000;
    private static final int WARM_UP = 1_000;
    private static final double BESIDE_KILL_PER_SECOND = 1_000;
    private static final int BESIDE_KILL_SECONDS = 40;
    private static final int KILL_AFTER_SECONDS = 10;
    private static final long REST_TIMEOUT_S = 600;
    private static final long REST_POLL_S = 2;
    private static final long STALLED_S = 60;
    private static final long POLL_MS = 500;
    private static final Pattern COMPLETE = Pattern.compile("The index of \\S+ is complete: .*?(\\d+) compared");

    @Spec
    private CommandSpec spec;

    private BenchmarkRun bench;

    @Option(names = "--memories", description = "In all spaces; default ${DEFAULT-VALUE}.", defaultValue = "1000000")
    private int memories;

    @Option(names = "--spaces", description = "A multiple of 8; default ${DEFAULT-VALUE}.", defaultValue = "8")
    private int spaces;

    @Option(names = "--dimension", description = "Of the vectors; default ${DEFAULT-VALUE}.", defaultValue = "768")
    private int dimension;

    @Option(names = "--queries", description = "Round the spaces; default ${DEFAULT-VALUE}.", defaultValue = "1000")
    private int queries;

    @Option(names = "--heap", description = "Of the instance; default ${DEFAULT-VALUE}.", defaultValue = "1g")
    private String heap;

    @Option(
            names = "--memory-limit",
            description =
                    "Of the instance's process with the page cache of what it reads, by a memory cgroup of version 1;"
                            + " none for no limit; default ${DEFAULT-VALUE}.",
            defaultValue = "3g")
    private String memoryLimit;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A setting of the instance; may be repeated.")
    private List<String> settings = List.of();

    @Option(names = "--keep", description = "Keep logs and state of the processes.")
    private boolean keep;

    @Override
    public Integer call() throws IOException, InterruptedException {
        bench = new BenchmarkRun(spec);
        return bench.run(keep, directory -> {
            String readAhead = PageCache.readAhead(directory);
            requirePossible();
            run(directory);
            print(readAhead);
        });
    }

    private void print(String readAhead) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(Machine.describe());
        out.printf(
                Locale.ROOT,
                "%,d memories of %d dimensions in %d spaces, -Xmx%s, memory limit %s; the disk reads %s ahead; broker and load"
                        + " share the machine, not the limit.%n%n",
                memories,
                dimension,
                spaces,
                heap,
                memoryLimit,
                readAhead);
        bench.printTable(out);
        out.flush();
    }

    private void requirePossible() {
        if (spaces < 1 || spaces % EndToEndCommand.PARTITIONS != 0) {
            throw new BenchmarkException(
                    "--spaces is " + spaces + "; give a multiple of " + EndToEndCommand.PARTITIONS);
        }
        if (memories / spaces <= 2 * FEW) {
            throw new BenchmarkException("--memories is " + memories + "; give more than " + 2 * FEW * spaces);
        }
        if (queries < spaces) {
            throw new BenchmarkException(
                    "--queries is " + queries + "; give at least one for each of " + spaces + " spaces");
        }
    }

    private void run(Path directory) throws IOException, InterruptedException {
        try (MemoryLimit limit = MemoryLimit.of(memoryLimit);
                Setup setup = Setup.start(directory)) {
            run(setup, limit);
        }
    }

    private void run(Setup setup, MemoryLimit limit) throws IOException, InterruptedException {
        Workload workload = new Workload(EndToEndCommand.PARTITIONS, spaces, dimension);
        AtomicReference<ServedInstance> instance = new AtomicReference<>(serve(setup, limit));
        try {
            load(instance.get(), setup.load(instance.get(), workload, dimension));
            bench.row("memory after the load", "%s", limit.describe());
            recall(instance.get(), workload, limit);
            bench.row("memory after the recalls", "%s", limit.describe());

            instance.get().close();
            restart(instance, setup, limit, "ready after a clean stop");
            LoadRun beside = setup.load(instance.get(), workload, dimension, memories);
            beside.send((int) (BESIDE_KILL_PER_SECOND * BESIDE_KILL_SECONDS), BESIDE_KILL_PER_SECOND, () -> {
                TimeUnit.SECONDS.sleep(KILL_AFTER_SECONDS);
                instance.get().process().kill();
                restart(instance, setup, limit, "ready after SIGKILL under load");
            });
            awaitStored(instance.get(), beside.sent());
            Completeness.require(instance.get(), beside.sent());
            bench.progress("comparing store, index and changelog");
            Completeness.requireConsistent(instance.get());
            bench.row("memory at the end", "%s", limit.describe());
        } finally {
            instance.get().close();
        }
    }

    private ServedInstance serve(Setup setup, MemoryLimit limit) throws InterruptedException {
        return setup.serve("large", settings, limit, "-Xmx" + heap);
    }

    /** Sends everything; the heap is looked at when there is next to nothing, when all has come, and when it has come to rest. */
    private void load(ServedInstance instance, LoadRun load) throws IOException, InterruptedException {
        load.send(FEW * spaces, FEW_PER_SECOND, () -> {});
        awaitStored(instance, load.sent());
        long before = instance.liveHeapBytes();
        List<Double> rates = new ArrayList<>();
        while (load.sent() < memories) {
            rates.add(load.saturate("load", (int) Math.min(PER_LOAD, memories - load.sent()))
                    .rate());
            bench.progress("%,d memories, %,.0f/s", load.sent(), rates.get(rates.size() - 1));
        }
        Completeness.require(instance, load.sent());
        bench.row(
                "rate: median, lowest of each %,d".formatted(PER_LOAD), "%,.0f, %,.0f/s", median(rates), lowest(rates));
        heap("when all has come", instance, before);
        awaitRest(instance);
        heap("at rest", instance, before);
    }

    private void heap(String when, ServedInstance instance, long before) throws IOException, InterruptedException {
        long live = instance.liveHeapBytes() - before;
        long estimated = instance.scrape().indexBytes();
        bench.row(
                "heap per memory, " + when
                        + ": live after a collection more than with %,d; index by its metric".formatted(FEW * spaces),
                "%.0f B (%,d MiB), %.0f B (%,d MiB)",
                live / (double) memories,
                live >> 20,
                estimated / (double) memories,
                estimated >> 20);
    }

    /** What is in the heap of an index that is not written any more gets a file after a while, and files are merged. */
    private void awaitRest(ServedInstance instance) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(REST_TIMEOUT_S);
        long sealed = (long) memories * Long.BYTES;
        int idle = 0;
        while (instance.scrape().indexBytes() > sealed || idle < 3) {
            if (System.nanoTime() > deadline) {
                bench.progress("the indexes have not come to rest in %d s", REST_TIMEOUT_S);
                return;
            }
            long cpu = instance.process().cpuMicros();
            TimeUnit.SECONDS.sleep(REST_POLL_S);
            // A merge takes a processor.
            idle = instance.process().cpuMicros() - cpu < REST_POLL_S * 250_000 ? idle + 1 : 0;
        }
    }

    private void recall(ServedInstance instance, Workload workload, MemoryLimit limit)
            throws IOException, InterruptedException {
        bench.progress("the exact nearest of %,d queries", queries);
        List<List<String>> nearest = NearestInSpaces.of(workload, memories, queries);
        Recaller recaller = new Recaller(instance.url(), workload);
        for (int i = 0; i < WARM_UP; i++) {
            ask(recaller, workload, queries + i);
        }
        Asked warm = ask(recaller, workload, nearest);
        bench.row("recall@10 of %,d queries".formatted(queries), "%.4f", warm.recall());
        bench.row("recall, warm: p50 / p99 / max", "%s", ms(warm.tookMs()));
        PageCache.drop();
        limit.reclaim();
        OptionalLong mapped = limit.mappedBytes();
        bench.row(
                "page cache dropped: what is still mapped of files",
                "%s",
                mapped.isPresent()
                        ? (mapped.getAsLong() >> 20) + " MiB"
                        : "all of it: without a limit that is not dropped");
        Asked cold = ask(recaller, workload, nearest);
        List<Double> first = cold.tookMs().subList(0, spaces);
        bench.row("page cache dropped, first query of each space: p50 / p99 / max", "%s", ms(first));
        bench.row(
                "page cache dropped, all behind these: p50 / p99 / max",
                "%s",
                ms(cold.tookMs().subList(spaces, queries)));
        bench.row("page cache dropped, all: p50 / p99 / max", "%s", ms(cold.tookMs()));
        Asked again = ask(recaller, workload, nearest);
        bench.row("the same queries once more: p50 / p99 / max", "%s", ms(again.tookMs()));
    }

    private record Asked(double recall, List<Double> tookMs) {}

    private Asked ask(Recaller recaller, Workload workload, List<List<String>> nearest)
            throws IOException, InterruptedException {
        List<Double> tookMs = new ArrayList<>();
        long found = 0;
        for (int i = 0; i < nearest.size(); i++) {
            long start = System.nanoTime();
            List<String> ids = ask(recaller, workload, i);
            tookMs.add((System.nanoTime() - start) / 1e6);
            found += ids.stream().filter(nearest.get(i)::contains).count();
        }
        return new Asked(found / (double) (nearest.size() * Recaller.K), tookMs);
    }

    private static List<String> ask(Recaller recaller, Workload workload, int number)
            throws IOException, InterruptedException {
        String space = workload.spaces().get(number % workload.spaces().size());
        List<String> ids = recaller.ids(space, workload.query(number));
        if (ids.size() != Recaller.K) {
            throw new BenchmarkException("a recall in " + space + " found " + ids.size() + " memories");
        }
        return ids;
    }

    private void restart(AtomicReference<ServedInstance> instance, Setup setup, MemoryLimit limit, String name)
            throws InterruptedException {
        long start = System.nanoTime();
        instance.set(serve(setup, limit));
        double seconds = (System.nanoTime() - start) / 1e9;
        Matcher complete = COMPLETE.matcher(instance.get().process().output());
        long compared = 0;
        int partitions = 0;
        while (complete.find()) {
            compared += Long.parseLong(complete.group(1));
            partitions++;
        }
        bench.row(name + "; memories compared with the store", "%.1f s; %,d", seconds, compared);
        if (partitions != EndToEndCommand.PARTITIONS) {
            throw new BenchmarkException(
                    "ready, but the log says of " + partitions + " partitions that they are complete");
        }
    }

    private static void awaitStored(ServedInstance instance, long sent) throws IOException, InterruptedException {
        long stored = 0;
        long movedAt = System.nanoTime();
        while (stored < sent) {
            Thread.sleep(POLL_MS);
            long now = Completeness.stored(instance);
            if (now > stored) {
                movedAt = System.nanoTime();
            } else if (System.nanoTime() - movedAt > TimeUnit.SECONDS.toNanos(STALLED_S)) {
                throw new BenchmarkException(
                        String.format(Locale.ROOT, "%,d of %,d observations are stored and no more come", now, sent));
            }
            stored = now;
        }
    }

    private static double median(List<Double> values) {
        return Phase.quantile(values, 0.5);
    }

    private static double lowest(List<Double> values) {
        return Phase.quantile(values, 0);
    }

    private static String ms(List<Double> tookMs) {
        return String.format(
                Locale.ROOT,
                "%.1f / %.1f / %.1f ms",
                Phase.quantile(tookMs, 0.5),
                Phase.quantile(tookMs, 0.99),
                Phase.quantile(tookMs, 1));
    }
}
