package io.engram.app.capacity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.app.Main;
import io.engram.app.config.ConfigLoader;
import io.engram.index.HnswParameters;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.index.sketch.SketchEngine;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class CapacityPlanTest {
    @TempDir
    private Path directory;

    private static CapacityDemand demand(double rate, long memories) {
        return new CapacityDemand(rate, 12_500, 0.25, 30, 768, 300, memories, 1, 2, 150, 7, 3);
    }

    /** The guide's examples. */
    @ParameterizedTest
    @CsvSource({"100000, 8, 10", "250000, 20, 25", "1000000, 80, 100", "1, 1, 1", "12500, 1, 2", "12501, 2, 2"})
    void shouldFollowTheGuidesFormulaOfWorkers(double rate, long workers, long withHeadroom) {
        CapacityPlan plan = CapacityPlan.of(demand(rate, 0));
        assertThat(plan.workers()).isEqualTo(workers);
        assertThat(plan.workersWithHeadroom()).isEqualTo(withHeadroom);
    }

    /** The guide's example: eight workers and 30 seconds are 3,000,000 records and 300 MB. */
    @Test
    void shouldFollowTheGuidesFormulaOfQueues() {
        CapacityPlan plan = CapacityPlan.of(demand(100_000, 0));
        assertThat(plan.queueCapacity()).isEqualTo(3_000_000);
        assertThat(plan.queueMemoryBytes()).isEqualTo(300_000_000);
    }

    @Test
    void shouldSayWhatAHundredBytesLeaveOut() {
        CapacityPlan plan = CapacityPlan.of(demand(100_000, 0));
        assertThat(plan.observationBytes()).isEqualTo(4_096 + 300 + 200);
        assertThat(plan.queueKafkaBytes()).isEqualTo(3L * 3_000_000 * 4_596);
    }

    @Test
    void shouldGiveEachInstanceItsShareOfMemoriesWithStandbys() {
        CapacityPlan plan = CapacityPlan.of(demand(10_000, 4_000_000));
        // 10,000 × 1.25 × 150 µs are 1.875 cores: two instances, for the standbys.
        assertThat(plan.instances()).isEqualTo(2);
        assertThat(plan.partitions()).isEqualTo(16);
        assertThat(plan.indexDiskBytesPerInstance()).isEqualTo(2 * 4_000_000 * CapacityPlan.fileBytes(768));
        assertThat(plan.heapBytesPerInstance()).isGreaterThanOrEqualTo(2 * plan.indexHeapBytesPerInstance());
        assertThat(plan.diskBytesPerInstance())
                .isGreaterThan(4_000_000L * 3_072 * 2 + plan.indexDiskBytesPerInstance());
    }

    /** What has a file needs no heap. */
    @Test
    void shouldNotAskForMoreHeapForMoreMemories() {
        CapacityPlan plan = CapacityPlan.of(demand(10_000, 4_000_000));
        CapacityPlan more = CapacityPlan.of(demand(10_000, 400_000_000));
        assertThat(more.heapBytesPerInstance()).isEqualTo(plan.heapBytesPerInstance());
        assertThat(more.diskBytesPerInstance()).isGreaterThan(99 * plan.diskBytesPerInstance());
        assertThat(CapacityPlan.of(demand(10_000, 1_000)).indexHeapBytesPerInstance())
                .isLessThan(plan.indexHeapBytesPerInstance() / 100);
    }

    @ParameterizedTest
    @CsvSource({"64", "768", "1536"})
    void shouldKnowWhatTheIndexTakes(int dimension) throws IOException {
        int count = 20_000;
        SplittableRandom random = new SplittableRandom(1);
        try (VectorIndex index = new SketchEngine(HnswParameters.DEFAULT, Runnable::run)
                .open(directory, dimension, VectorSource.NONE)
                .index()) {
            for (int i = 0; i < count; i++) {
                float[] vector = new float[dimension];
                for (int j = 0; j < dimension; j++) {
                    vector[j] = (float) random.nextGaussian();
                }
                index.add("memory-" + i, i + 1, vector);
            }
            double bytes = index.memoryBytes() / (double) count;
            assertThat((double) CapacityPlan.openBytes(dimension)).isCloseTo(bytes, within(0.15 * bytes));
            index.seal();
            index.commit(new byte[0]);
            assertThat(index.memoryBytes()).isLessThan(count);
        }
        double bytes = directoryBytes() / (double) count;
        assertThat((double) CapacityPlan.fileBytes(dimension)).isCloseTo(bytes, within(0.15 * bytes));
    }

    private long directoryBytes() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.mapToLong(file -> file.toFile().length()).sum();
        }
    }

    @Test
    void shouldNameTheOptionAndTheFix() {
        assertThatThrownBy(() -> demand(0, 0)).hasMessage("--rate must be above 0, got 0.0");
        StringWriter err = new StringWriter();
        CommandLine commandLine = Main.commandLine().setErr(new PrintWriter(err));
        assertThat(commandLine.execute("capacity", "--rate=1000", "--dimension=1"))
                .isEqualTo(2);
        assertThat(err.toString()).contains("--dimension must be 2 to 4096, got 1");
    }

    @Test
    void shouldPrintJson() throws IOException {
        JsonNode plan = new ObjectMapper().readTree(run("capacity", "--rate=250000", "--json"));
        assertThat(plan.path("workers").asLong()).isEqualTo(20);
        assertThat(plan.path("workers_with_headroom").asLong()).isEqualTo(25);
        assertThat(plan.path("demand").path("per_worker").asDouble()).isEqualTo(12_500);
        assertThat(plan.path("environment").path("QUEUE_CAPACITY").asText()).isEqualTo("7500000");
    }

    @Test
    void shouldMeasureTheWorkerOfThisMachine() throws IOException {
        JsonNode plan = new ObjectMapper()
                .readTree(run("capacity", "--rate=100000", "--dimension=64", "--calibrate", "--json"));
        double perWorker = plan.path("demand").path("per_worker").asDouble();
        assertThat(perWorker).isGreaterThan(100);
        assertThat(plan.path("workers").asLong()).isEqualTo((long) Math.ceil(100_000 / perWorker));
    }

    /** What it writes is what an instance takes. */
    @Test
    void shouldWriteSettingsThatAnInstanceTakes() throws IOException {
        Path file = directory.resolve("engram.env");
        run("capacity", "--rate=20000", "--env-file=" + file);
        Map<String, String> environment = new HashMap<>();
        for (String line : Files.readAllLines(file)) {
            environment.put(line.substring(0, line.indexOf('=')), line.substring(line.indexOf('=') + 1));
        }
        assertThat(environment).containsEntry("QUEUE_CAPACITY", "750000").containsKey("ENGRAM_JAVA_OPTS");
        assertThat(new ConfigLoader().environment(environment).load().partitions())
                .isEqualTo(Integer.parseInt(environment.get("ENGRAM_PARTITIONS")));
    }

    private static String run(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exit = Main.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(arguments);
        assertThat(exit).as(err.toString()).isZero();
        return out.toString();
    }
}
