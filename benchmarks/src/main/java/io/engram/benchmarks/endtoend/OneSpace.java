package io.engram.benchmarks.endtoend;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Recall in one space with nothing else going on, by one client that keeps its connection ({@link PlainClient}): once the
 * instance is warm, and the first recalls after it said that it is ready, having been stopped cleanly and having been
 * killed. The client is the same for all: thousands of recalls have been measured with it before the first restart, so
 * that what is slow in the first ones is the instance.
 *
 * @param memories in the space
 * @param warmMs each recall of the warm instance, milliseconds
 * @param stopped after a clean stop
 * @param killed after SIGKILL
 */
record OneSpace(int memories, List<Double> warmMs, Start stopped, Start killed) {
    private static final int WARM_UP = 9_000;
    private static final int WARM = 5_000;
    private static final int FIRST = 1_000;

    /**
     * A start of the instance with its state.
     *
     * @param readySeconds from the start of its process until it said that it is ready
     * @param firstMs each of the first recalls from then on, milliseconds
     */
    record Start(double readySeconds, List<Double> firstMs) {}

    /**
     * Loads the space and measures.
     *
     * @param settings of the instance, {@code key=value}
     * @param javaOptions of the instance
     * @param progress is told what goes on
     */
    static OneSpace measure(
            Setup setup,
            int memories,
            int dimension,
            List<String> settings,
            String javaOptions,
            Consumer<String> progress)
            throws IOException, InterruptedException {
        Workload workload = new Workload(EndToEndCommand.PARTITIONS, 1, dimension);
        String space = workload.spaces().get(0);
        List<Double> warmMs;
        ServedInstance instance = setup.serve("one-space", settings, javaOptions);
        try {
            LoadRun load = setup.load(instance, workload, dimension);
            progress.accept(String.format(Locale.ROOT, "one space: loading %,d memories", memories));
            load.saturate("one space", memories);
            Completeness.require(instance, load.sent());
            progress.accept(String.format(Locale.ROOT, "one space: %,d recalls, %,d measured", WARM_UP + WARM, WARM));
            try (PlainClient client = new PlainClient(instance.url())) {
                client.recalls(workload, space, WARM_UP, Recaller.K);
                warmMs = client.recalls(workload, space, WARM, Recaller.K);
            }
            progress.accept("one space: the first recalls after a clean stop, and after SIGKILL");
            instance.close();
            long start = System.nanoTime();
            instance = setup.serve("one-space", settings, javaOptions);
            Start stopped = started(instance, workload, start);
            instance.process().kill();
            start = System.nanoTime();
            instance = setup.serve("one-space", settings, javaOptions);
            return new OneSpace(memories, warmMs, stopped, started(instance, workload, start));
        } finally {
            instance.close();
        }
    }

    private static Start started(ServedInstance instance, Workload workload, long startNanos) throws IOException {
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        try (PlainClient client = new PlainClient(instance.url())) {
            return new Start(seconds, client.recalls(workload, workload.spaces().get(0), FIRST, Recaller.K));
        }
    }

    /** The rows of the report, as Markdown. */
    List<String> lines() {
        return List.of(
                String.format(
                        Locale.ROOT,
                        "* One space of %,d memories, idle and warm, one client, keep-alive: recall p50 %.2f ms, p99 %.2f ms.",
                        memories,
                        Phase.quantile(warmMs, 0.5),
                        Phase.quantile(warmMs, 0.99)),
                line("a clean stop", stopped),
                line("SIGKILL", killed));
    }

    ObjectNode toJson() {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("memories", memories)
                .put("warm_p50_ms", Phase.quantile(warmMs, 0.5))
                .put("warm_p99_ms", Phase.quantile(warmMs, 0.99));
        json.set("after_clean_stop", toJson(stopped));
        json.set("after_kill", toJson(killed));
        return json;
    }

    private static ObjectNode toJson(Start start) {
        return new ObjectMapper()
                .createObjectNode()
                .put("ready_seconds", start.readySeconds())
                .put("first", start.firstMs().size())
                .put("first_p50_ms", Phase.quantile(start.firstMs(), 0.5))
                .put("first_p99_ms", Phase.quantile(start.firstMs(), 0.99))
                .put("first_longest_ms", Phase.quantile(start.firstMs(), 1));
    }

    private static String line(String after, Start start) {
        return String.format(
                Locale.ROOT,
                "* The same after %s: ready in %.1f s; the first %,d recalls p50 %.2f ms, p99 %.2f ms, longest %.1f ms.",
                after,
                start.readySeconds(),
                start.firstMs().size(),
                Phase.quantile(start.firstMs(), 0.5),
                Phase.quantile(start.firstMs(), 0.99),
                Phase.quantile(start.firstMs(), 1));
    }
}
