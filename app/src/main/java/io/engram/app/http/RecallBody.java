package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.query.RecallParameters;
import io.engram.topology.recall.MetadataFilter;
import io.engram.topology.recall.RecallRequest;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * The body of a recall, checked.
 *
 * @param include which parts of a memory to answer with: {@code content}, {@code metadata}, {@code embedding}
 */
record RecallBody(RecallParameters parameters, Set<String> include) {
    private static final int MAX_K = 1_000;
    private static final int MAX_ACCURACY = 10_000;
    private static final Set<String> PARTS = Set.of("content", "metadata", "embedding");
    private static final Set<String> DEFAULT_PARTS = Set.of("content", "metadata");
    private static final Set<String> FIELDS = Set.of(
            "vector",
            "k",
            "min_similarity",
            "filter",
            "accuracy",
            "consistency",
            "min_offsets",
            "timeout_ms",
            "include");

    /**
     * @param maxTimeoutMs the longest that the client may ask to wait, and what it gets when it does not say
     * @param more fields that the route knows besides
     */
    static RecallBody parse(JsonBody body, long maxTimeoutMs, Set<String> more) {
        Set<String> known = new HashSet<>(FIELDS);
        known.addAll(more);
        body.allowOnly(known);
        RecallParameters parameters = new RecallParameters(
                body.vector("vector"),
                body.integer("k", 10, 1, MAX_K),
                body.decimal("min_similarity", -1, -1, 1),
                body.field("filter").map(FilterParser::parse).orElse(MetadataFilter.ALL),
                body.integer("accuracy", RecallRequest.DEFAULT_ACCURACY, 1, MAX_ACCURACY),
                consistency(body),
                minOffsets(body),
                body.integer("timeout_ms", (int) maxTimeoutMs, 1, (int) maxTimeoutMs));
        return new RecallBody(parameters, include(body));
    }

    private static RecallParameters.Consistency consistency(JsonBody body) {
        JsonNode value = body.field("consistency").orElse(null);
        if (value == null || value.isTextual() && value.textValue().equals("recent")) {
            return RecallParameters.Consistency.RECENT;
        }
        if (value.isTextual() && value.textValue().equals("committed")) {
            return RecallParameters.Consistency.COMMITTED;
        }
        throw JsonBody.wrong("consistency", "recent or committed", value);
    }

    private static Map<String, Long> minOffsets(JsonBody body) {
        Map<String, Long> offsets = new HashMap<>();
        body.field("min_offsets").ifPresent(value -> {
            if (!value.isObject()) {
                throw JsonBody.wrong("min_offsets", "an object such as {\"normal-3\": 42}", value);
            }
            for (Map.Entry<String, JsonNode> entry : value.properties()) {
                JsonNode offset = entry.getValue();
                if (!offset.isIntegralNumber() || !offset.canConvertToLong() || offset.longValue() < 0) {
                    throw JsonBody.wrong(
                            "min_offsets." + entry.getKey(), "a whole number from 0 to " + Long.MAX_VALUE, offset);
                }
                offsets.put(entry.getKey(), entry.getValue().longValue());
            }
        });
        return offsets;
    }

    private static Set<String> include(JsonBody body) {
        JsonNode value = body.field("include").orElse(null);
        if (value == null) {
            return DEFAULT_PARTS;
        }
        Set<String> include = new LinkedHashSet<>();
        if (!value.isArray()) {
            throw JsonBody.wrong("include", "a list of content, metadata and embedding", value);
        }
        for (JsonNode part : value) {
            if (!part.isTextual() || !PARTS.contains(part.textValue())) {
                throw JsonBody.wrong("include", "a list of content, metadata and embedding", value);
            }
            include.add(part.textValue());
        }
        return include;
    }
}
