package io.engram.benchmarks;

import io.engram.schemas.Decoded;
import io.engram.schemas.Metadata;
import io.engram.schemas.Observation;
import io.engram.schemas.ObservationCodec;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Decoding one 768-dimensional observation; the result is checked once, before anything is timed. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class DecodeBenchmark {
    private static final int DIMENSION = 768;

    @Param({"base64", "array"})
    private String encoding;

    private Optional<byte[]> value = Optional.empty();

    @Setup
    public void encode() {
        Random random = new Random(1);
        float[] embedding = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            embedding[i] = (float) random.nextGaussian();
        }
        Observation observation = Observation.observe("agent-7", 42, "tea is at four, as it is every day", embedding)
                .withId("memory-42")
                .withMetadata(Metadata.of(Map.of("lang", "en", "page", 7)));
        byte[] json = ObservationCodec.encode(observation);
        if (encoding.equals("array")) {
            StringBuilder array = new StringBuilder("[");
            for (int i = 0; i < DIMENSION; i++) {
                array.append(i == 0 ? "" : ",").append(embedding[i]);
            }
            String text = new String(json, StandardCharsets.UTF_8);
            json = text.replaceFirst("\"embedding\":\"[^\"]*\"", "\"embedding\":" + array + "]")
                    .getBytes(StandardCharsets.UTF_8);
        }
        value = Optional.of(json);
        Observation decoded = ((Decoded.Valid) ObservationCodec.decode(value)).observation();
        if (!Arrays.equals(decoded.embedding(), embedding)) {
            throw new IllegalStateException("decoding changed the embedding");
        }
    }

    @Benchmark
    public Decoded decode() {
        return ObservationCodec.decode(value);
    }
}
