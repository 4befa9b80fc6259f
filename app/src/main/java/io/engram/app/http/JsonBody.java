package io.engram.app.http;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.schemas.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.Iterator;
import java.util.Optional;
import java.util.Set;

/** A JSON object that a client sent, read field by field; whatever is wrong is a 400 that names the field. */
final class JsonBody {
    static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** Values, names and brackets that a body may have: a tree of them takes many times what the body does. */
    private static final int MAX_TOKENS = 50_000;

    private static final ObjectMapper CLIENTS = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxTokenCount(MAX_TOKENS)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final ObjectNode object;

    private JsonBody(ObjectNode object) {
        this.object = object;
    }

    /** Parses a body that must be one JSON object. */
    static JsonBody parse(byte[] body) {
        JsonNode node;
        try {
            node = CLIENTS.readTree(body);
        } catch (StreamConstraintsException e) {
            throw Problem.badRequest(
                            "the body has too many values, too deep or too long ones: " + e.getOriginalMessage())
                    .asException();
        } catch (JsonProcessingException e) {
            throw Problem.badRequest("the body is not JSON: " + e.getOriginalMessage())
                    .asException();
        } catch (IOException e) {
            throw Problem.badRequest("the body cannot be read: " + e.getMessage())
                    .asException();
        }
        if (!(node instanceof ObjectNode object)) {
            throw Problem.badRequest("the body must be a JSON object").asException();
        }
        return new JsonBody(object);
    }

    ObjectNode object() {
        return object;
    }

    /** Refuses fields that nobody would read: most likely a typing error. */
    void allowOnly(Set<String> fields) {
        for (Iterator<String> names = object.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!fields.contains(name)) {
                throw Problem.badRequest("unknown field '" + name + "'; known are "
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
        if (!node.isNumber() || !(node.doubleValue() >= min && node.doubleValue() <= max)) {
            throw wrong(name, "a number from " + min + " to " + max, node);
        }
        return node.doubleValue();
    }

    /** An array of numbers, or base64 of little-endian float32; finite and not all zero. */
    float[] vector(String name) {
        JsonNode node = field(name)
                .orElseThrow(
                        () -> Problem.badRequest(name + " is missing; send an array of numbers or base64 of float32")
                                .asException());
        float[] vector = node.isTextual() ? fromBase64(name, node) : fromArray(name, node);
        if (vector.length < Limits.MIN_DIMENSION || vector.length > Limits.MAX_DIMENSION) {
            throw Problem.badRequest(name + " has " + vector.length + " dimensions, allowed are " + Limits.MIN_DIMENSION
                            + " to " + Limits.MAX_DIMENSION)
                    .asException();
        }
        double squares = 0;
        for (int i = 0; i < vector.length; i++) {
            if (!Float.isFinite(vector[i])) {
                throw Problem.badRequest(name + "[" + i + "] must be finite, got " + vector[i])
                        .asException();
            }
            squares += (double) vector[i] * vector[i];
        }
        if (squares == 0) {
            throw Problem.badRequest(name + " is the zero vector, which has no direction to compare")
                    .asException();
        }
        return vector;
    }

    private static float[] fromArray(String name, JsonNode node) {
        if (!node.isArray()) {
            throw wrong(name, "an array of numbers or base64 of float32", node);
        }
        float[] vector = new float[node.size()];
        for (int i = 0; i < vector.length; i++) {
            if (!node.get(i).isNumber()) {
                throw wrong(name + "[" + i + "]", "a number", node.get(i));
            }
            vector[i] = node.get(i).floatValue();
        }
        return vector;
    }

    private static float[] fromBase64(String name, JsonNode node) {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(node.textValue());
        } catch (IllegalArgumentException e) {
            throw Problem.badRequest(name + " is not base64: " + e.getMessage()).asException();
        }
        if (bytes.length % Float.BYTES != 0) {
            throw Problem.badRequest(
                            name + " holds " + bytes.length + " bytes, which is no multiple of 4; send float32")
                    .asException();
        }
        float[] vector = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(vector);
        return vector;
    }

    static Problem.ProblemException wrong(String field, String wanted, JsonNode got) {
        String text = got.toString();
        return Problem.badRequest(field + " must be " + wanted + ", got "
                        + (text.length() > 60 ? text.substring(0, 60) + "…" : text))
                .asException();
    }
}
