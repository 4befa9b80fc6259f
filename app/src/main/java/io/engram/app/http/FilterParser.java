package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.Numbers;
import io.engram.topology.recall.MetadataFilter;
import io.engram.topology.recall.MetadataFilter.Condition;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The {@code filter} of a recall. Every key of the object is a condition on that metadata key, and all must hold:
 *
 * <pre>
 * {"lang": "en"}                      equal; of a list, one item is
 * {"lang": ["en", "de"]}              one of these
 * {"year": {"gte": 2020, "lt": 2030}} a number in a range: gt, gte, lt, lte; of a list, one item is
 * {"draft": {"exists": false}}        the key is there, or not
 * </pre>
 */
final class FilterParser {
    private static final int MAX_CONDITIONS = 32;
    private static final int MAX_VALUES = 10_000;
    private static final String RANGE = "a range with gt, gte, lt or lte, or {\"exists\": true or false}"
            + " (a key of a nested object is written with dots: \"a.b\")";
    private static final Map<String, MetadataFilter.Side> SIDES = Map.of(
            "gt", MetadataFilter.Side.GT,
            "gte", MetadataFilter.Side.GTE,
            "lt", MetadataFilter.Side.LT,
            "lte", MetadataFilter.Side.LTE);

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
            return new MetadataFilter.AnyOf(key, Set.of(value(key, wanted)));
        }
        if (wanted.size() > MAX_VALUES) {
            throw Problem.badRequest("filter." + key + " has " + wanted.size() + " values, the limit is " + MAX_VALUES)
                    .asException();
        }
        Set<Object> allowed = new HashSet<>();
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
            return Numbers.canonical(node.numberValue());
        }
        throw JsonBody.wrong(
                "filter." + key,
                "a string, a number, a boolean, a list of these or a range; for what is absent or null write"
                        + " {\"exists\": false}",
                node);
    }

    private static Condition exists(String key, JsonNode wanted) {
        if (wanted.size() != 1 || !wanted.get("exists").isBoolean()) {
            throw JsonBody.wrong("filter." + key, "{\"exists\": true} or {\"exists\": false}", wanted);
        }
        return new MetadataFilter.Exists(key, wanted.get("exists").booleanValue());
    }

    private static Condition range(String key, JsonNode wanted) {
        List<MetadataFilter.Bound> bounds = new ArrayList<>();
        for (Map.Entry<String, JsonNode> bound : wanted.properties()) {
            MetadataFilter.Side side = SIDES.get(bound.getKey());
            if (side == null) {
                throw JsonBody.wrong("filter." + key, RANGE, wanted);
            }
            if (!bound.getValue().isNumber()) {
                throw JsonBody.wrong("filter." + key + "." + bound.getKey(), "a number", bound.getValue());
            }
            bounds.add(new MetadataFilter.Bound(side, bound.getValue().numberValue()));
        }
        if (bounds.isEmpty()) {
            throw JsonBody.wrong("filter." + key, RANGE, wanted);
        }
        return new MetadataFilter.Range(key, bounds);
    }
}
