package io.engram.app.capacity;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.cli.ExitCodes;
import io.engram.index.HnswParameters;
import io.engram.index.sketch.SketchEngine;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Tells what a load needs, and writes it down for a deployment. */
@Command(
        name = "capacity",
        description = "Work out workers, instances, queues, memory and disk for a load.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
public final class CapacityCommand implements Callable<Integer> {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();
    private static final double MIB = 1 << 20;
    private static final double GIB = 1 << 30;

    @Spec
    private CommandSpec spec;

    @Option(names = "--rate", required = true, description = "Observations per second at the peak.")
    private double rate;

    @Option(names = "--memories", description = "Memories that are kept in all; default ${DEFAULT-VALUE}.")
    private long memories = 1_000_000;

    @Option(names = "--dimension", description = "Of the embeddings; default ${DEFAULT-VALUE}.")
    private int dimension = 768;

    @Option(
            names = "--content-bytes",
            description = "Of an observation beside its embedding; default ${DEFAULT-VALUE}.")
    private int contentBytes = 300;

    @Option(
            names = "--buffer",
            paramLabel = "SECONDS",
            description = "That the queues hold: 10 for low latency, 30 for throughput, 60 for bursts; default"
                    + " ${DEFAULT-VALUE}.")
    private double buffer = 30;

    @Option(names = "--headroom", description = "Share on top for bursts; default ${DEFAULT-VALUE}.")
    private double headroom = 0.25;

    @Option(
            names = "--per-worker",
            description = "Observations per second that one index worker inserts; default: the guide's 12,500.")
    private Optional<Double> perWorker = Optional.empty();

    @Option(names = "--calibrate", description = "Measure that on this machine instead, a few seconds long.")
    private boolean calibrate;

    @Option(names = "--cores", description = "That an instance may use; default ${DEFAULT-VALUE}.")
    private int cores = 2;

    @Option(
            names = "--cpu-micros",
            description = "CPU time of an instance for one observation, all in; default ${DEFAULT-VALUE}, measured by"
                    + " 'engram bench' (docs/performance.md).")
    private double cpuMicros = 150;

    @Option(names = "--standbys", description = "Of each partition; default ${DEFAULT-VALUE}.")
    private int standbys = 1;

    @Option(names = "--retention-days", description = "Of the lanes' records in Kafka; default ${DEFAULT-VALUE}.")
    private double retentionDays = 7;

    @Option(names = "--replication-factor", description = "Of the topics; default ${DEFAULT-VALUE}.")
    private int replicationFactor = 3;

    @Option(names = "--json", description = "Print the plan as JSON.")
    private boolean json;

    @Option(names = "--env-file", paramLabel = "FILE", description = "Write the settings as an env file.")
    private Optional<Path> envFile = Optional.empty();

    @Option(
            names = "--kustomize",
            paramLabel = "DIRECTORY",
            description = "Write a kustomization on top of k8s/base into this directory.")
    private Optional<Path> kustomize = Optional.empty();

    @Override
    public Integer call() throws IOException {
        if (calibrate && perWorker.isPresent()) {
            throw new ParameterException(spec.commandLine(), "--calibrate measures what --per-worker gives; use one");
        }
        CapacityDemand demand = demand();
        CapacityPlan plan = CapacityPlan.of(demand);
        if (envFile.isPresent()) {
            Files.writeString(envFile.get(), PlanFiles.envFile(demand, plan));
        }
        if (kustomize.isPresent()) {
            Path directory = Files.createDirectories(kustomize.get().toAbsolutePath());
            Path base = Path.of(System.getProperty("engram.home", ""))
                    .toAbsolutePath()
                    .resolve("k8s/base");
            Files.writeString(
                    directory.resolve("kustomization.yaml"),
                    PlanFiles.kustomization(
                            demand, plan, directory.relativize(base).toString()));
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(json ? json(demand, plan) + "\n" : text(demand, plan));
        out.flush();
        return ExitCodes.OK;
    }

    private CapacityDemand demand() throws IOException {
        try {
            double worker = calibrate
                    ? Math.floor(Calibration.insertsPerSecond(
                            new SketchEngine(HnswParameters.DEFAULT, Runnable::run), dimension))
                    : perWorker.orElse(CapacityPlan.GUIDE_PER_WORKER);
            return new CapacityDemand(
                    rate,
                    worker,
                    headroom,
                    buffer,
                    dimension,
                    contentBytes,
                    memories,
                    standbys,
                    cores,
                    cpuMicros,
                    retentionDays,
                    replicationFactor);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    private static String json(CapacityDemand demand, CapacityPlan plan) {
        ObjectNode tree = MAPPER.valueToTree(plan);
        tree.set("demand", MAPPER.valueToTree(demand));
        tree.set("environment", MAPPER.valueToTree(PlanFiles.environment(demand, plan)));
        return tree.toString();
    }

    private static String text(CapacityDemand demand, CapacityPlan plan) {
        StringBuilder text = new StringBuilder();
        line(
                text,
                "%,.0f observations/s, %,d memories of %d dimensions",
                demand.observationsPerSecond(),
                demand.memories(),
                demand.dimension());
        line(text, "");
        line(text, "By the guide's formulas (%,.0f/s a worker)", demand.perWorker());
        line(text, "  index workers               %,12d", plan.workers());
        line(text, "    with %3.0f %% headroom        %,12d", demand.headroom() * 100, plan.workersWithHeadroom());
        line(
                text,
                "  queue capacity              %,12d records (%.0f s)",
                plan.queueCapacity(),
                demand.bufferSeconds());
        line(text, "  queue memory                %,12.0f MiB in the instances", plan.queueMemoryBytes() / MIB);
        line(text, "");
        line(text, "What they leave out");
        line(
                text,
                "  a record in Kafka           %,12d bytes, where a queued reference has 100",
                plan.observationBytes());
        line(text, "  a full queue in Kafka       %,12.1f GiB, replicas included", plan.queueKafkaBytes() / GIB);
        line(
                text,
                "  instances                   %,12d of %d cores, at %.0f µs CPU an observation",
                plan.instances(),
                demand.coresPerInstance(),
                demand.cpuMicros());
        line(text, "  partitions of each lane     %,12d, fixed for ever: room to grow", plan.partitions());
        line(
                text,
                "  index                       %,12.0f MiB of heap an instance, standbys included: what is being written",
                plan.indexHeapBytesPerInstance() / MIB);
        line(
                text,
                "                              %,12.0f MiB of disk, standbys and merges included",
                plan.indexDiskBytesPerInstance() / MIB);
        line(text, "  heap                        %,12.0f MiB an instance", plan.heapBytesPerInstance() / MIB);
        line(text, "  memory limit                %,12.0f MiB an instance", plan.memoryBytesPerInstance() / MIB);
        line(text, "  disk                        %,12.1f GiB an instance", plan.diskBytesPerInstance() / GIB);
        line(
                text,
                "  disk of the brokers         %,12.1f GiB: lanes for %s days, changelog, replicas",
                plan.kafkaBytes() / GIB,
                demand.laneRetentionDays());
        return text.toString();
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
