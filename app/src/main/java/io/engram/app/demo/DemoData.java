package io.engram.app.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/**
 * The bundled sample: 1,080 WordNet 3.0 glosses with real 768-dimensional embeddings in three spaces, and 40 queries with
 * their exact ten nearest glosses. WordNet is © Princeton University; its licence is beside the files.
 */
final class DemoData {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private DemoData() {}

    /** Lines of {@code {"space", "observation"}}. */
    static List<String> observations() throws IOException {
        List<String> lines = new ArrayList<>();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(open("observations.jsonl.gz"), StandardCharsets.UTF_8))) {
            reader.lines().forEach(lines::add);
        }
        return lines;
    }

    /** Objects of {@code {"space", "content", "embedding", "nearest"}}. */
    static List<JsonNode> queries() throws IOException {
        List<JsonNode> queries = new ArrayList<>();
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(openQueries(), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                queries.add(MAPPER.readTree(line));
            }
        }
        return queries;
    }

    /** The queries as they are bundled, uncompressed. */
    static InputStream openQueries() throws IOException {
        return open("queries.jsonl.gz");
    }

    private static InputStream open(String name) throws IOException {
        InputStream resource = Optional.ofNullable(DemoData.class.getResourceAsStream(name))
                .orElseThrow(() -> new IllegalStateException("the demo's data is not packaged: " + name));
        return new GZIPInputStream(resource);
    }
}
