package io.engram.benchmarks.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.benchmarks.Machine;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a run found.
 *
 * @param ceiling the highest rate without an index
 * @param phases with one: the highest rate first
 * @param idleRecallMs recalls with nothing else going on, milliseconds
 * @param oneSpace recall by a client that keeps its connection; empty when that was left out
 * @param recall recall@10 of all that was sent
 * @param observations that were sent and found
 */
record Report(
        int dimension,
        int partitions,
        Phase ceiling,
        List<Phase> phases,
        List<Double> idleRecallMs,
        Optional<OneSpace> oneSpace,
        double recall,
        long observations) {
    private static final int MIB = 1 << 20;

    private double share() {
        return phases.get(0).rate() / ceiling.rate();
    }

    /** Of the median recall beside half the load to the median one with nothing else going on. */
    private double concurrentRatio() {
        return phases.get(phases.size() - 1).recallMs(0.5) / Phase.quantile(idleRecallMs, 0.5);
    }

    String toMarkdown() {
        StringBuilder text = new StringBuilder();
        line(text, "%s", Machine.describe());
        line(
                text,
                "%d dimensions, %d partitions, one instance; broker and load share the machine.",
                dimension,
                partitions);
        line(text, "");
        line(
                text,
                "| load | indexed/s | enqueue → indexed p50 / p99 / p99.9 | recall p50 / p99 | CPU per observation, of that compiling | machine busy | RSS |"
                        + " GC pauses: number, longest, all |");
        line(text, "|---|---|---|---|---|---|---|---|");
        List<Phase> all = new ArrayList<>();
        all.add(ceiling);
        all.addAll(phases);
        for (Phase phase : all) {
            line(
                    text,
                    "| %s | %,.0f | %,.0f / %,.0f / %,.0f ms | %s | %.0f, %.0f µs | %.0f %% | %,d MiB | %d, %.0f ms, %.0f ms |",
                    phase.name(),
                    phase.rate(),
                    phase.latencyMs(0.5),
                    phase.latencyMs(0.99),
                    phase.latencyMs(0.999),
                    phase.recallMs().isEmpty()
                            ? "–"
                            : String.format(Locale.ROOT, "%.1f / %.1f ms", phase.recallMs(0.5), phase.recallMs(0.99)),
                    phase.cpuMicrosPerObservation(),
                    phase.compilerMicrosPerObservation(),
                    100 * phase.machineBusy(),
                    phase.rssBytes() / MIB,
                    phase.gcPausesMs().size(),
                    phase.longestPauseMs(),
                    phase.allPausesMs());
        }
        line(text, "");
        line(text, "* With the index %.2f of the rate without one.", share());
        line(
                text,
                "* Recalls with nothing else going on: p50 %.1f ms, p99 %.1f ms; beside half the load %.1f times that p50.",
                Phase.quantile(idleRecallMs, 0.5),
                Phase.quantile(idleRecallMs, 0.99),
                concurrentRatio());
        oneSpace.ifPresent(rows -> rows.lines().forEach(row -> line(text, "%s", row)));
        line(
                text,
                "* All %,d observations are there, store, index and changelog agree, nothing was rejected; recall@10 %.3f.",
                observations,
                recall);
        return text.toString();
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    JsonNode toJson() {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("machine", Machine.describe())
                .put("dimension", dimension)
                .put("partitions", partitions)
                .put("observations", observations)
                .put("recall_at_10", recall)
                .put("relative_to_ceiling", share())
                .put("recall_idle_p50_ms", Phase.quantile(idleRecallMs, 0.5))
                .put("recall_idle_p99_ms", Phase.quantile(idleRecallMs, 0.99))
                .put("recall_concurrent_ratio", concurrentRatio());
        oneSpace.ifPresent(rows -> json.set("one_space", rows.toJson()));
        json.set("ceiling", toJson(ceiling));
        ArrayNode list = json.putArray("loads");
        phases.forEach(phase -> list.add(toJson(phase)));
        return json;
    }

    private static ObjectNode toJson(Phase phase) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("name", phase.name())
                .put("observations", phase.observations())
                .put("indexed_per_second", phase.rate())
                .put("latency_p50_ms", phase.latencyMs(0.5))
                .put("latency_p99_ms", phase.latencyMs(0.99))
                .put("latency_p999_ms", phase.latencyMs(0.999))
                .put("cpu_micros_per_observation", phase.cpuMicrosPerObservation())
                .put("compiler_micros_per_observation", phase.compilerMicrosPerObservation())
                .put("machine_busy", phase.machineBusy())
                .put("rss_bytes", phase.rssBytes())
                .put("gc_pauses", phase.gcPausesMs().size())
                .put("gc_longest_ms", phase.longestPauseMs())
                .put("gc_all_ms", phase.allPausesMs());
        if (!phase.recallMs().isEmpty()) {
            json.put("recall_p50_ms", phase.recallMs(0.5)).put("recall_p99_ms", phase.recallMs(0.99));
        }
        return json;
    }
}
