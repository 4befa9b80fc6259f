package io.engram.benchmarks.index;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.engram.benchmarks.ClusteredVectors;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.zip.GZIPInputStream;

/**
 * Vectors to index and queries that are not among them.
 *
 * @param name for the report
 */
record VectorSet(String name, float[][] base, float[][] queries) {
    private static final int QUERIES = 200;

    /** {@link ClusteredVectors}; queries come from the same clusters. */
    static VectorSet clustered(int count, int dimension, long seed) {
        ClusteredVectors vectors = new ClusteredVectors(dimension, seed);
        float[][] all = new float[count + QUERIES][];
        for (int i = 0; i < all.length; i++) {
            all[i] = vectors.vector(i);
        }
        return new VectorSet(
                "clustered-" + dimension, Arrays.copyOf(all, count), Arrays.copyOfRange(all, count, all.length));
    }

    /** The vectors of a file: {@code .fvecs} (TEXMEX), or observations as gzipped JSON lines; the queries of another. */
    static VectorSet of(Path base, Path queries) throws IOException {
        return new VectorSet(base.getFileName().toString(), read(base), read(queries));
    }

    private static float[][] read(Path file) throws IOException {
        return file.toString().endsWith(".fvecs") ? fvecs(file) : observations(file);
    }

    private static float[][] fvecs(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<float[]> vectors = new ArrayList<>();
        while (bytes.hasRemaining()) {
            float[] vector = new float[bytes.getInt()];
            bytes.asFloatBuffer().get(vector);
            bytes.position(bytes.position() + vector.length * Float.BYTES);
            vectors.add(vector);
        }
        return vectors.toArray(float[][]::new);
    }

    private static float[][] observations(Path file) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        List<float[]> vectors = new ArrayList<>();
        try (InputStream gzip = new GZIPInputStream(Files.newInputStream(file));
                BufferedReader lines = new BufferedReader(new InputStreamReader(gzip, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode record = mapper.readTree(line);
                JsonNode observation = record.has("observation") ? record.get("observation") : record;
                byte[] bytes =
                        Base64.getDecoder().decode(observation.path("embedding").asText());
                float[] vector = new float[bytes.length / Float.BYTES];
                ByteBuffer.wrap(bytes)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .asFloatBuffer()
                        .get(vector);
                vectors.add(vector);
            }
        }
        return vectors.toArray(float[][]::new);
    }

    int dimension() {
        return base[0].length;
    }
}
