package io.engram.benchmarks.index;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.zip.GZIPInputStream;

/**
 * Vectors in a file, by the end of its name; numbers are little-endian.
 *
 * <pre>
 * .fvecs       per vector: 4 dimension │ 4×dimension float32                      (TEXMEX)
 * .fbin .bin   4 vectors │ 4 dimension │ 4×dimension float32 per vector           (big-ann-benchmarks)
 * .jsonl.gz    an observation a line, embedding in base64
 * </pre>
 */
final class VectorFile {
    private static final int MAX_DIMENSION = 1 << 16;

    private VectorFile() {}

    /** @throws IOException when it cannot be read, ends early or is of none of these kinds; the message names it */
    static float[][] read(Path file) throws IOException {
        String name = file.getFileName().toString();
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 20)) {
            List<float[]> vectors;
            if (name.endsWith(".fvecs")) {
                vectors = fvecs(in);
            } else if (name.endsWith(".fbin") || name.endsWith(".bin")) {
                vectors = bin(in);
            } else if (name.endsWith(".jsonl.gz")) {
                vectors = observations(in);
            } else {
                throw new IOException("expected a name that ends with .fvecs, .fbin, .bin or .jsonl.gz");
            }
            if (vectors.isEmpty()) {
                throw new IOException("no vectors in it");
            }
            return vectors.toArray(float[][]::new);
        } catch (EOFException e) {
            throw new IOException(file + ": ends in the middle of a vector", e);
        } catch (IOException | IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    private static List<float[]> fvecs(InputStream in) throws IOException {
        List<float[]> vectors = new ArrayList<>();
        for (byte[] head = in.readNBytes(Integer.BYTES); head.length > 0; head = in.readNBytes(Integer.BYTES)) {
            if (head.length < Integer.BYTES) {
                throw new EOFException();
            }
            vectors.add(vector(in, dimension(littleEndian(head).getInt())));
        }
        return vectors;
    }

    private static List<float[]> bin(InputStream in) throws IOException {
        ByteBuffer head = littleEndian(exactly(in, 2 * Integer.BYTES));
        int count = head.getInt();
        int dimension = dimension(head.getInt());
        List<float[]> vectors = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            vectors.add(vector(in, dimension));
        }
        return vectors;
    }

    private static int dimension(int dimension) throws IOException {
        if (dimension < 1 || dimension > MAX_DIMENSION) {
            throw new IOException("a vector of " + dimension + " dimensions");
        }
        return dimension;
    }

    private static float[] vector(InputStream in, int dimension) throws IOException {
        float[] vector = new float[dimension];
        littleEndian(exactly(in, dimension * Float.BYTES)).asFloatBuffer().get(vector);
        return vector;
    }

    private static byte[] exactly(InputStream in, int length) throws IOException {
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException();
        }
        return bytes;
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static List<float[]> observations(InputStream in) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        List<float[]> vectors = new ArrayList<>();
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(new GZIPInputStream(in), StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode record = mapper.readTree(line);
            JsonNode observation = record.has("observation") ? record.get("observation") : record;
            byte[] bytes =
                    Base64.getDecoder().decode(observation.path("embedding").asText());
            float[] vector = new float[bytes.length / Float.BYTES];
            littleEndian(bytes).asFloatBuffer().get(vector);
            vectors.add(vector);
        }
        return vectors;
    }
}
