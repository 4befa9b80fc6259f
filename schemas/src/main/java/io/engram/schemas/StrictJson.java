package io.engram.schemas;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.databind.node.ValueNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.util.Map;

/**
 * JSON objects that clients send, as trees that say what was sent: numbers are kept exactly, no key comes twice, every
 * text can be written as UTF-8. Thread-safe.
 */
public final class StrictJson {
    /** Reads and writes trees with exact numbers; it does not check what it reads. */
    public static final ObjectMapper MAPPER = mapper(Json.FACTORY.copy());

    /** Values, names and brackets that a client's object may have: a tree of them takes many times what the text does. */
    private static final int MAX_TOKENS = 50_000;

    private static final ObjectMapper CLIENTS = mapper(Json.FACTORY
            .copy()
            .setStreamReadConstraints(Json.FACTORY
                    .streamReadConstraints()
                    .rebuild()
                    .maxTokenCount(MAX_TOKENS)
                    .build()));

    private static ObjectMapper mapper(JsonFactory factory) {
        return JsonMapper.builder(factory)
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                .nodeFactory(new ExactNodes())
                .build();
    }

    private StrictJson() {}

    /** Decimals are kept as doubles where that loses nothing: it takes half the memory. */
    private static final class ExactNodes extends JsonNodeFactory {
        private static final long serialVersionUID = 1;

        ExactNodes() {
            super(true);
        }

        @Override
        public ValueNode numberNode(BigDecimal decimal) {
            return decimal != null && Numbers.simplest(decimal) instanceof Double exact
                    ? DoubleNode.valueOf(exact)
                    : super.numberNode(decimal);
        }
    }

    /**
     * Reads one object.
     *
     * @param what what it is, for error messages
     * @param embedding the field that holds an embedding, read by the rules of those in records; its node is base64
     * @throws FieldException when it is not one object, or one that cannot be kept as it was sent
     */
    public static ObjectNode readObject(String what, byte[] json, String embedding) throws FieldException {
        int invalid = Utf8.firstInvalid(json);
        if (invalid >= 0) {
            throw new FieldException(
                    what, "is not UTF-8: byte 0x%02x at %d; send JSON text in UTF-8".formatted(json[invalid], invalid));
        }
        try (JsonParser parser = CLIENTS.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new FieldException(what, "must be a JSON object");
            }
            ObjectNode object = MAPPER.createObjectNode();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                JsonNode value;
                if (name.equals(embedding) && parser.currentToken() != JsonToken.VALUE_NULL) {
                    value = TextNode.valueOf(Embeddings.toBase64(Embeddings.read(name, parser, json)));
                } else {
                    value = CLIENTS.readTree(parser);
                }
                check(name, name, value);
                object.set(name, value);
            }
            if (parser.nextToken() != null) {
                throw new FieldException(what, "goes on after the JSON object; send one object");
            }
            return object;
        } catch (StreamConstraintsException e) {
            throw new FieldException(
                    what, "has too many values, too deep or too long ones: " + Json.clip(e.getOriginalMessage()));
        } catch (JsonProcessingException e) {
            String problem = e.getOriginalMessage();
            throw new FieldException(
                    what,
                    problem.startsWith("Duplicate field")
                            ? "has a field twice, send each once: " + Json.clip(problem)
                            : "is not JSON: " + Json.clip(problem));
        } catch (NumberFormatException | ArithmeticException e) {
            throw new FieldException(what, "has a number out of range: " + Json.clip(e.getMessage()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The depth of the tree is bounded by the parser. */
    private static void check(String path, String key, JsonNode node) throws FieldException {
        String name = Json.clip(path);
        Utf8.requireWhole(name, key);
        if (node.isTextual()) {
            Utf8.requireWhole(name, node.textValue());
        } else if (node.isNumber() && !Numbers.isInRange(node.numberValue())) {
            throw new FieldException(
                    name,
                    "must be a finite number with an exponent of at most " + Numbers.MAX_EXPONENT + ", got "
                            + Json.clip(node.asText()));
        } else if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                check(name + "[" + i + "]", "", node.get(i));
            }
        } else if (node.isObject()) {
            for (Map.Entry<String, JsonNode> field : node.properties()) {
                check(name + "." + Json.clip(field.getKey()), field.getKey(), field.getValue());
            }
        }
    }
}
