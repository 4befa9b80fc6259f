package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BigIntegerNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.engram.schemas.Metadata;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.recall.RecallOutcome;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Set;

/** Memories as JSON. */
final class MemoryJson {
    private MemoryJson() {}

    static ObjectNode recalled(RecallOutcome.Recalled recalled, Set<String> include) {
        ObjectNode json = JsonBody.MAPPER.createObjectNode();
        json.put("id", recalled.id());
        json.put("similarity", recalled.similarity());
        return describe(json, recalled.memory().orElseThrow(), include);
    }

    static ObjectNode memory(String id, StoredMemory memory, Set<String> include) {
        return describe(JsonBody.MAPPER.createObjectNode().put("id", id), memory, include);
    }

    private static ObjectNode describe(ObjectNode json, StoredMemory memory, Set<String> include) {
        if (include.contains("content")) {
            json.put("content", memory.content());
        }
        if (include.contains("metadata")) {
            json.set("metadata", metadata(memory.metadata()));
        }
        memory.position()
                .ifPresent(position -> json.put("session", position.session()).put("sequence", position.sequence()));
        memory.confidence().ifPresent(confidence -> json.put("confidence", confidence));
        memory.observedAt().ifPresent(observedAt -> json.put("observed_at", observedAt.toString()));
        json.put("generation", memory.generation());
        if (include.contains("embedding")) {
            ArrayNode embedding = json.putArray("embedding");
            for (float value : memory.embedding()) {
                embedding.add(value);
            }
        }
        return json;
    }

    /** Node by node: a conversion would go by way of decimals, which have no -0.0. */
    private static ObjectNode metadata(Metadata metadata) {
        ObjectNode json = JsonBody.MAPPER.createObjectNode();
        metadata.values().forEach((key, value) -> {
            if (value instanceof List<?> items) {
                ArrayNode array = json.putArray(key);
                items.forEach(item -> array.add(scalar(item)));
            } else {
                json.set(key, scalar(value));
            }
        });
        return json;
    }

    private static JsonNode scalar(Object value) {
        if (value instanceof String text) {
            return TextNode.valueOf(text);
        }
        if (value instanceof Boolean flag) {
            return BooleanNode.valueOf(flag);
        }
        if (value instanceof Long number) {
            return LongNode.valueOf(number);
        }
        if (value instanceof Double number) {
            return DoubleNode.valueOf(number);
        }
        return value instanceof BigInteger number
                ? BigIntegerNode.valueOf(number)
                : DecimalNode.valueOf((BigDecimal) value);
    }
}
