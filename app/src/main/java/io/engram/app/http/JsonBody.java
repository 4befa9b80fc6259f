package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.schemas.Embeddings;
import io.engram.schemas.FieldException;
import io.engram.schemas.Numbers;
import io.engram.schemas.StrictJson;
import java.util.Iterator;
import java.util.Optional;
import java.util.Set;

/** A JSON object that a client sent, read field by field; whatever is wrong is a 400 that names the field. */
final class JsonBody {
    static final ObjectMapper MAPPER = StrictJson.MAPPER;

    private static final int CLIP = 60;

    private final ObjectNode object;

    private JsonBody(ObjectNode object) {
        this.object = object;
    }

    /** Parses a body that must be one JSON object; its {@code vector}, if any, is an embedding. */
    static JsonBody parse(byte[] body) {
        try {
            return new JsonBody(StrictJson.readObject("the body", body, "vector"));
        } catch (FieldException e) {
            throw Problem.badRequest(e.getMessage()).asException();
        }
    }

    ObjectNode object() {
        return object;
    }

    /** Refuses fields that nobody would read: most likely a typing error. */
    void allowOnly(Set<String> fields) {
        for (Iterator<String> names = object.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!fields.contains(name)) {
                throw Problem.badRequest("unknown field '" + clip(name) + "'; known are "
                                + fields.stream().sorted().toList())
                        .asException();
            }
        }
    }

    Optional<JsonNode> field(String name) {
        JsonNode value = object.path(name);
        return value instanceof MissingNode || value.isNull() ? Optional.empty() : Optional.of(value);
    }

    int integer(String name, int otherwise, int min, int max) {
        Optional<JsonNode> value = field(name);
        if (value.isEmpty()) {
            return otherwise;
        }
        JsonNode node = value.get();
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < min || node.intValue() > max) {
            throw wrong(name, "a whole number from " + min + " to " + max, node);
        }
        return node.intValue();
    }

    double decimal(String name, double otherwise, double min, double max) {
        Optional<JsonNode> value = field(name);
        if (value.isEmpty()) {
            return otherwise;
        }
        JsonNode node = value.get();
        if (!node.isNumber()
                || Numbers.compare(node.numberValue(), min) < 0
                || Numbers.compare(node.numberValue(), max) > 0) {
            throw wrong(name, "a number from " + min + " to " + max, node);
        }
        return node.doubleValue();
    }

    /** The embedding of that field, by the same rules as those of memories. */
    float[] vector(String name) {
        JsonNode node = field(name)
                .orElseThrow(
                        () -> Problem.badRequest(name + " is missing; send an array of numbers or base64 of float32")
                                .asException());
        try {
            return Embeddings.ofBase64(name, node.textValue());
        } catch (FieldException e) {
            throw Problem.badRequest(e.getMessage()).asException();
        }
    }

    static Problem.ProblemException wrong(String field, String wanted, JsonNode got) {
        return Problem.badRequest(clip(field) + " must be " + wanted + ", got " + clip(got.toString()))
                .asException();
    }

    static String clip(String text) {
        return text.length() > CLIP ? text.substring(0, CLIP) + "…" : text;
    }
}
