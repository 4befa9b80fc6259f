package io.engram.benchmarks.index;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.zip.GZIPInputStream;

/**
 * Vectors to index and queries that are not among them.
 *
 * @param name for the report
 */
record VectorSet(String name, float[][] base, float[][] queries) {
    private static final int CLUSTERS = 200;
    private static final int LATENT = 32;
    private static final double NOISE = 0.1;
    private static final int QUERIES = 200;

    /**
     * Vectors as embedding models leave them: {@value #CLUSTERS} clusters around Gaussian centres, each spread over its own
     * {@value #LATENT} random directions with unit variance in total per component, and a tenth of that as noise in all.
     * Queries come from the same clusters. The same seed gives the same vectors.
     */
    static VectorSet clustered(int count, int dimension, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[][] centres = new float[CLUSTERS][];
        float[][][] directions = new float[CLUSTERS][LATENT][];
        for (int c = 0; c < CLUSTERS; c++) {
            centres[c] = gaussian(random, dimension, 1);
            for (int d = 0; d < LATENT; d++) {
                directions[c][d] = gaussian(random, dimension, 1 / Math.sqrt(LATENT));
            }
        }
        float[][] all = new float[count + QUERIES][];
        for (int i = 0; i < all.length; i++) {
            int cluster = random.nextInt(CLUSTERS);
            float[] vector = gaussian(random, dimension, NOISE);
            add(vector, centres[cluster], 1);
            for (float[] direction : directions[cluster]) {
                add(vector, direction, (float) random.nextGaussian());
            }
            all[i] = vector;
        }
        return new VectorSet(
                "clustered-" + dimension, Arrays.copyOf(all, count), Arrays.copyOfRange(all, count, all.length));
    }

    private static float[] gaussian(RandomGenerator random, int dimension, double scale) {
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) (scale * random.nextGaussian());
        }
        return vector;
    }

    private static void add(float[] to, float[] vector, float factor) {
        for (int i = 0; i < to.length; i++) {
            to[i] += factor * vector[i];
        }
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
