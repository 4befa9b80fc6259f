package io.engram.app.cli;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.cli.ExitCodes.CommandFailedException;
import io.engram.app.query.Peers;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/** Queries with their true nearest neighbours, run one after the other against an instance. */
public final class QueryFile {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private QueryFile() {}

    /**
     * How a file of queries went.
     *
     * @param recall share of the true neighbours that were found, 0 to 1
     * @param maxSimilarityError largest difference to a similarity in the file
     * @param p50Ms median of the whole request as the client sees it
     */
    public record Report(
            @JsonProperty("queries") int queries,
            @JsonProperty("k") int k,
            @JsonProperty("recall") double recall,
            @JsonProperty("max_similarity_error") double maxSimilarityError,
            @JsonProperty("p50_ms") double p50Ms,
            @JsonProperty("p99_ms") double p99Ms) {
        public String text() {
            return String.format(
                    Locale.ROOT,
                    "%d queries: recall@%d %.4f, largest similarity error %.1e, p50 %.2f ms, p99 %.2f ms",
                    queries,
                    k,
                    recall,
                    maxSimilarityError,
                    p50Ms,
                    p99Ms);
        }
    }

    static Report run(ApiClient client, Path file, Optional<String> space, int k)
            throws IOException, InterruptedException {
        if (!Files.isReadable(file)) {
            throw new CommandFailedException("cannot read " + file);
        }
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
            return run(client, in, space, k);
        }
    }

    /** Runs every line of {@code in}; {@code space} is of lines that name none. */
    public static Report run(ApiClient client, InputStream in, Optional<String> space, int k)
            throws IOException, InterruptedException {
        List<Double> times = new ArrayList<>();
        int wanted = 0;
        int found = 0;
        double maxError = 0;
        BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            ObjectNode query = (ObjectNode) MAPPER.readTree(line);
            if (!query.has("space")) {
                query.put(
                        "space",
                        space.orElseThrow(() -> new CommandFailedException("a query names no space; use --space")));
            }
            Map<String, Double> nearest = nearest(query, k);
            long start = System.nanoTime();
            JsonNode answer = ask(client, query, k);
            times.add((System.nanoTime() - start) / 1e6);
            wanted += nearest.size();
            for (JsonNode result : answer.path("results")) {
                Double similarity = nearest.get(result.path("id").asText());
                if (similarity != null) {
                    found++;
                    maxError = Math.max(
                            maxError,
                            Math.abs(similarity - result.path("similarity").asDouble()));
                }
            }
        }
        if (times.isEmpty()) {
            throw new CommandFailedException("the file holds no queries");
        }
        Collections.sort(times);
        return new Report(
                times.size(),
                k,
                wanted == 0 ? 1 : (double) found / wanted,
                maxError,
                times.get(times.size() / 2),
                times.get((int) Math.min(times.size() - 1, Math.ceil(times.size() * 0.99) - 1)));
    }

    /** Recalls for one line of a file. */
    public static JsonNode ask(ApiClient client, JsonNode query, int k) throws InterruptedException {
        ObjectNode body = MAPPER.createObjectNode().put("k", k);
        body.set("vector", query.get("embedding"));
        return client.post("/v1/spaces/" + Peers.segment(query.path("space").asText()) + "/recall", body);
    }

    private static Map<String, Double> nearest(JsonNode query, int k) {
        Map<String, Double> nearest = new HashMap<>();
        for (JsonNode neighbour : query.path("nearest")) {
            if (nearest.size() < k) {
                nearest.put(
                        neighbour.path("id").asText(),
                        neighbour.path("similarity").asDouble());
            }
        }
        return nearest;
    }
}
