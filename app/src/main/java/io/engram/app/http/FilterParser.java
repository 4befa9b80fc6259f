package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.topology.recall.MetadataFilter;
import io.engram.topology.recall.MetadataFilter.Condition;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The {@code filter} of a recall. Every key of the object is a condition on that metadata key, and all must hold:
 *
 * <pre>
 * {"lang": "en"}                      equal; of a list, one item is
 * {"lang": ["en", "de"]}              one of these
 * {"year": {"gte": 2020, "lt": 2030}} a number in a range: gt, gte, lt, lte
 * {"draft": {"exists": false}}        the key is there, or not
 * </pre>
 */
final class FilterParser {
    private static final int MAX_CONDITIONS = 32;

    private FilterParser() {}

    static MetadataFilter parse(JsonNode filter) {
        if (!filter.isObject()) {
            throw JsonBody.wrong("filter", "an object of conditions by metadata key", filter);
        }
        if (filter.size() > MAX_CONDITIONS) {
            throw Problem.badRequest("filter has " + filter.size() + " conditions, the limit is " + MAX_CONDITIONS)
                    .asException();
        }
        List<Condition> conditions = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : filter.properties()) {
            conditions.add(condition(entry.getKey(), entry.getValue()));
        }
        return new MetadataFilter(conditions);
    }

    private static Condition condition(String key, JsonNode wanted) {
        if (wanted.isObject()) {
            return wanted.has("exists") ? exists(key, wanted) : range(key, wanted);
        }
        if (!wanted.isArray()) {
            return new MetadataFilter.AnyOf(key, List.of(value(key, wanted)));
        }
        List<Object> allowed = new ArrayList<>();
        wanted.forEach(item -> allowed.add(value(key, item)));
        return new MetadataFilter.AnyOf(key, allowed);
    }

    private static Object value(String key, JsonNode node) {
        if (node.isTextual()) {
            return node.textValue();
        }
        if (node.isBoolean()) {
            return node.booleanValue();
        }
        if (node.isNumber()) {
            return node.doubleValue();
        }
        throw JsonBody.wrong("filter." + key, "a string, a number, a boolean, a list of these or a range", node);
    }

    private static Condition exists(String key, JsonNode wanted) {
        if (wanted.size() != 1 || !wanted.get("exists").isBoolean()) {
            throw JsonBody.wrong("filter." + key, "{\"exists\": true} or {\"exists\": false}", wanted);
        }
        return new MetadataFilter.Exists(key, wanted.get("exists").booleanValue());
    }

    private static Condition range(String key, JsonNode wanted) {
        double min = Double.NEGATIVE_INFINITY;
        double max = Double.POSITIVE_INFINITY;
        boolean minInclusive = true;
        boolean maxInclusive = true;
        if (wanted.isEmpty()) {
            throw JsonBody.wrong("filter." + key, "a range with gt, gte, lt or lte", wanted);
        }
        for (Map.Entry<String, JsonNode> bound : wanted.properties()) {
            if (!bound.getValue().isNumber()) {
                throw JsonBody.wrong("filter." + key + "." + bound.getKey(), "a number", bound.getValue());
            }
            double at = bound.getValue().doubleValue();
            switch (bound.getKey()) {
                case "gt", "gte" -> {
                    min = at;
                    minInclusive = bound.getKey().equals("gte");
                }
                case "lt", "lte" -> {
                    max = at;
                    maxInclusive = bound.getKey().equals("lte");
                }
                default -> throw JsonBody.wrong("filter." + key, "a range with gt, gte, lt or lte", wanted);
            }
        }
        return new MetadataFilter.Range(key, min, minInclusive, max, maxInclusive);
    }
}
