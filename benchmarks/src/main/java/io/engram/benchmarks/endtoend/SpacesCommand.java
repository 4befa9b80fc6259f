package io.engram.benchmarks.endtoend;

import io.engram.benchmarks.Machine;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What very many small spaces cost an instance: rate, heap, restarts, idling, scrapes, recall. */
@Command(
        name = "spaces",
        description = "Very many small spaces in one instance, beside the same memories in eight spaces.",
        mixinStandardHelpOptions = true)
public final class SpacesCommand implements Callable<Integer> {
    private static final int FEW_SPACES = 10_000;
    private static final int RECALLS = 2_000;
    private static final int SCRAPES = 20;

    /** What a start leaves to do: files that RocksDB merges, acknowledgements, code that is compiled. */
    private static final int SETTLE_SECONDS = 60;

    @Spec
    private CommandSpec spec;

    private BenchmarkRun bench;

    @Option(names = "--spaces", description = "Default ${DEFAULT-VALUE}.", defaultValue = "1000000")
    private int spaces;

    @Option(names = "--memories", description = "In each; default ${DEFAULT-VALUE}.", defaultValue = "2")
    private int memories;

    @Option(names = "--dimension", description = "Of the vectors; default ${DEFAULT-VALUE}.", defaultValue = "64")
    private int dimension;

    @Option(names = "--heap", description = "Of the instance; default ${DEFAULT-VALUE}.", defaultValue = "2g")
    private String heap;

    @Option(names = "--idle-seconds", description = "Default ${DEFAULT-VALUE}.", defaultValue = "60")
    private int idleSeconds;

    @Option(
            names = "--leaving",
            description = "Spaces that are dropped, and as many whose memories expire, at most a tenth each; 0: none."
                    + " Default ${DEFAULT-VALUE}.",
            defaultValue = "100000")
    private int leaving;

    @Option(
            names = "--later-hours",
            description = "How far the clock is moved once they are gone; needs libfaketime. Default ${DEFAULT-VALUE}.",
            defaultValue = "1")
    private int laterHours;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A setting of the instance; may be repeated.")
    private List<String> settings = List.of();

    @Option(names = "--keep", description = "Keep logs and state of the processes.")
    private boolean keep;

    private final HttpClient http = HttpClient.newHttpClient();

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (leaving > 0 && spaces < LeavingSpaces.MIN_SPACES) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--spaces must be at least " + LeavingSpaces.MIN_SPACES + " for some of them to leave, got "
                            + spaces + "; use --leaving=0");
        }
        Optional<MovedClock> later = MovedClock.ahead(Duration.ofHours(laterHours));
        if (leaving > 0 && later.isEmpty()) {
            spec.commandLine()
                    .getErr()
                    .println(
                            "engram bench: libfaketime is not installed, so the clock cannot be moved; install it, or use"
                                    + " --leaving=0");
            return 1;
        }
        bench = new BenchmarkRun(spec);
        int exit = bench.run(keep, directory -> {
            try (Setup setup = Setup.start(directory)) {
                run(setup, later);
            }
        });
        if (exit != 0) {
            return exit;
        }
        PrintWriter out = spec.commandLine().getOut();
        out.println(Machine.describe());
        out.printf(
                Locale.ROOT,
                "%,d spaces of %d memories of %d dimensions, -Xmx%s; broker and load share the machine.%n%n",
                spaces,
                memories,
                dimension,
                heap);
        bench.printTable(out);
        out.flush();
        return 0;
    }

    private void run(Setup setup, Optional<MovedClock> later) throws IOException, InterruptedException {
        int count = spaces * memories;
        double few;
        try (ServedInstance instance = setup.serve("few", settings, "-Xmx" + heap)) {
            Workload workload = new Workload(EndToEndCommand.PARTITIONS, EndToEndCommand.PARTITIONS, dimension);
            LoadRun load = setup.load(instance, workload, dimension);
            bench.progress("%,d observations into %d spaces", count, EndToEndCommand.PARTITIONS);
            few = load.saturate("few", count).rate();
            Completeness.require(instance, load.sent());
            bench.progress("%,.0f/s", few);
        }
        Workload workload = new Workload(EndToEndCommand.PARTITIONS, spaces, dimension);
        int all = workload.spaces().size() * memories;
        long writtenFromMs = System.currentTimeMillis();
        ServedInstance instance = setup.serve("many", settings, "-Xmx" + heap);
        try {
            LoadRun load = setup.load(instance, workload, dimension);
            load.saturate("the first spaces", FEW_SPACES);
            long before = instance.liveHeapBytes();
            bench.progress(
                    "%,d observations into %,d spaces", all, workload.spaces().size());
            Phase many = load.saturate("many", all - FEW_SPACES);
            Completeness.require(instance, load.sent());
            bench.row(
                    "accepted / rejected",
                    "%,d / %,d",
                    load.sent(),
                    instance.scrape().rejected());
            bench.row("rate, relative to eight spaces", "%,.0f/s, %.2f", many.rate(), many.rate() / few);
            bench.row("CPU per observation", "%.0f µs", many.cpuMicrosPerObservation());
            bench.row(
                    "live heap more than with %,d spaces".formatted(FEW_SPACES),
                    "%,d MiB",
                    mib(instance.liveHeapBytes() - before));
            instance.close();
            instance = ready(setup, "ready after a clean stop");
            instance.process().kill();
            instance = ready(setup, "ready after SIGKILL");
            Completeness.require(instance, load.sent());
            idle(instance, "idle: CPU of a core over %d s");
            scrape(instance);
            recall(instance, workload);
            if (leaving > 0 && later.isPresent()) {
                instance.close();
                LeavingSpaces spacesThatLeave = new LeavingSpaces(setup, workload, memories, leaving);
                List<String> measured = new ArrayList<>(settings);
                measured.add(LeavingSpaces.MEASURE_EACH_CALL);
                instance = setup.serve("many", measured, "-Xmx" + heap);
                leave(instance, spacesThatLeave, load.sent(), writtenFromMs);
                instance.close();
                instance = later(setup, later.get());
                Completeness.require(instance, load.sent() - spacesThatLeave.memoriesGone());
            }
        } finally {
            instance.close();
        }
    }

    private void leave(ServedInstance instance, LeavingSpaces spacesThatLeave, long sent, long writtenFromMs)
            throws IOException, InterruptedException {
        TimeUnit.SECONDS.sleep(LeavingSpaces.FORGET_CALLS_S);
        LeavingSpaces.Left left = spacesThatLeave.leave(instance, writtenFromMs);
        Completeness.require(instance, sent - spacesThatLeave.memoriesGone());
        String name = "%,d dropped and %,d expired".formatted(left.spaces(), left.spaces());
        bench.row(
                name + ": longest call of a stream thread for a record / for the time",
                "%.1f / %.1f ms",
                left.processMs(),
                left.punctuateMs());
        bench.row(
                name + ": recall in another space meanwhile, p50 / p99",
                "%.1f / %.1f ms",
                Phase.quantile(left.recallMs(), 0.5),
                Phase.quantile(left.recallMs(), 0.99));
        // Half of those that expire do so from then on, at the rate at which they were written.
        bench.row(
                name + ": until nothing was left, %d s of it waiting".formatted(LeavingSpaces.LATER_MS / 1_000),
                "%.1f s",
                left.tookSeconds());
    }

    /** Broker and instance with another clock, and what the instance then does. */
    private ServedInstance later(Setup setup, MovedClock moved) throws InterruptedException {
        setup.moveClock(moved);
        String name = "%d h later (clock moved)".formatted(laterHours);
        ServedInstance instance = ready(setup, name + ": ready");
        idle(instance, name + ": CPU of a core over %d s");
        return instance;
    }

    private ServedInstance ready(Setup setup, String name) throws InterruptedException {
        long start = System.nanoTime();
        ServedInstance instance = setup.serve("many", settings, "-Xmx" + heap);
        bench.row(name, "%.1f s", (System.nanoTime() - start) / 1e9);
        return instance;
    }

    private void idle(ServedInstance instance, String name) throws InterruptedException {
        TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
        long cpu = instance.process().cpuMicros();
        TimeUnit.SECONDS.sleep(idleSeconds);
        bench.row(name.formatted(idleSeconds), "%.1f %%", (instance.process().cpuMicros() - cpu) / 1e4 / idleSeconds);
    }

    private void scrape(ServedInstance instance) throws IOException, InterruptedException {
        List<Double> tookMs = new ArrayList<>();
        int bytes = 0;
        for (int i = 0; i < SCRAPES; i++) {
            long start = System.nanoTime();
            bytes = send(HttpRequest.newBuilder(URI.create(instance.metricsUrl())))
                    .length();
            tookMs.add((System.nanoTime() - start) / 1e6);
        }
        bench.row("a scrape: median, bytes", "%.1f ms, %,d", Phase.quantile(tookMs, 0.5), bytes);
    }

    private void recall(ServedInstance instance, Workload workload) throws IOException, InterruptedException {
        Random random = new Random(1);
        Recaller recaller = new Recaller(instance.url(), workload);
        List<Double> tookMs = new ArrayList<>();
        for (int i = 0; i < RECALLS; i++) {
            String space =
                    workload.spaces().get(random.nextInt(workload.spaces().size()));
            long start = System.nanoTime();
            int found = recaller.ids(space, workload.query(i)).size();
            tookMs.add((System.nanoTime() - start) / 1e6);
            if (found != Math.min(memories, Recaller.K)) {
                throw new BenchmarkException("a recall in " + space + " found " + found + " memories");
            }
        }
        bench.row(
                "recall in a space at random: p50 / p99",
                "%.1f / %.1f ms",
                Phase.quantile(tookMs, 0.5),
                Phase.quantile(tookMs, 0.99));
    }

    private String send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new BenchmarkException(response.uri() + " answered " + response.statusCode());
        }
        return response.body();
    }

    private static long mib(long bytes) {
        return bytes >> 20;
    }
}
