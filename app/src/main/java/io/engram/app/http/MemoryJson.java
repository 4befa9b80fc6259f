package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.schemas.Metadata;
import io.engram.topology.recall.RecallOutcome;
import io.engram.topology.store.StoredMemory;
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
        json.put("session", memory.session());
        json.put("sequence", memory.sequence());
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

    private static JsonNode metadata(Metadata metadata) {
        return JsonBody.MAPPER.valueToTree(metadata.values());
    }
}
