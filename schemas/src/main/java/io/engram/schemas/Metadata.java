package io.engram.schemas;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Flat facts about a memory: each value is a {@link String}, {@link Long}, {@link Double}, {@link Boolean} or a {@code
 * List<String>}. Keys are sorted, so that equal metadata has equal JSON whatever order it was sent in.
 *
 * @param values the facts by key; unmodifiable
 */
public record Metadata(SortedMap<String, Object> values) {
    public static final Metadata EMPTY = new Metadata(Collections.emptySortedMap());

    public Metadata {
        values = Collections.unmodifiableSortedMap(values);
    }

    /**
     * Metadata of those facts.
     *
     * @throws IllegalArgumentException when a value has another type
     */
    public static Metadata of(Map<String, ?> facts) {
        TreeMap<String, Object> sorted = new TreeMap<>();
        facts.forEach((key, value) -> sorted.put(key, normalise(key, value)));
        return new Metadata(sorted);
    }

    private static Object normalise(String key, Object value) {
        if (value instanceof String || value instanceof Boolean || value instanceof Long) {
            return value;
        }
        if (value instanceof Integer number) {
            return number.longValue();
        }
        if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
            return number.doubleValue();
        }
        if (value instanceof List<?> list && list.stream().allMatch(String.class::isInstance)) {
            return List.copyOf(list);
        }
        throw new IllegalArgumentException(
                "metadata." + key + " must be a string, a finite number, a boolean or a list of strings: " + value);
    }

    /** Compact JSON in UTF-8; equal metadata gives equal bytes. */
    public byte[] toJson() {
        if (values.isEmpty()) {
            return new byte[0];
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(64);
        try (JsonGenerator generator = Json.FACTORY.createGenerator(out)) {
            writeTo(generator);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /** Reads what {@link #toJson()} wrote. */
    public static Metadata fromJson(byte[] json) {
        if (json.length == 0) {
            return EMPTY;
        }
        try (JsonParser parser = Json.FACTORY.createParser(json)) {
            parser.nextToken();
            return read(parser);
        } catch (IOException | FieldException e) {
            throw new IllegalArgumentException("stored metadata is not readable: " + e.getMessage(), e);
        }
    }

    void writeTo(JsonGenerator generator) throws IOException {
        generator.writeStartObject();
        for (Map.Entry<String, Object> entry : values.entrySet()) {
            generator.writeFieldName(entry.getKey());
            Object value = entry.getValue();
            if (value instanceof String text) {
                generator.writeString(text);
            } else if (value instanceof Long number) {
                generator.writeNumber(number);
            } else if (value instanceof Double number) {
                generator.writeNumber(number);
            } else if (value instanceof Boolean flag) {
                generator.writeBoolean(flag);
            } else {
                generator.writeStartArray();
                for (Object item : (List<?>) value) {
                    generator.writeString((String) item);
                }
                generator.writeEndArray();
            }
        }
        generator.writeEndObject();
    }

    /** Reads the object that the parser stands on; on return the parser stands on its end. */
    static Metadata read(JsonParser parser) throws IOException, FieldException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw new FieldException("metadata", "must be an object of flat values, got " + Json.describe(parser));
        }
        TreeMap<String, Object> values = new TreeMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            parser.nextToken();
            if (values.put(key, readValue(key, parser)) != null) {
                throw new FieldException("metadata." + Json.clip(key), "is there twice; send each key once");
            }
        }
        return values.isEmpty() ? EMPTY : new Metadata(values);
    }

    private static Object readValue(String key, JsonParser parser) throws IOException, FieldException {
        switch (parser.currentToken()) {
            case VALUE_STRING:
                return parser.getText();
            case VALUE_TRUE:
                return Boolean.TRUE;
            case VALUE_FALSE:
                return Boolean.FALSE;
            case VALUE_NUMBER_INT:
                if (parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER) {
                    return parser.getLongValue();
                }
                return finite(key, parser);
            case VALUE_NUMBER_FLOAT:
                return finite(key, parser);
            case START_ARRAY:
                return readStrings(key, parser);
            default:
                throw notFlat(key, parser);
        }
    }

    private static Double finite(String key, JsonParser parser) throws IOException, FieldException {
        double value = parser.getDoubleValue();
        if (!Double.isFinite(value)) {
            throw new FieldException(
                    "metadata." + key, "is out of the range of a double: " + Json.clip(parser.getText()));
        }
        return value;
    }

    private static List<String> readStrings(String key, JsonParser parser) throws IOException, FieldException {
        List<String> items = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() != JsonToken.VALUE_STRING) {
                throw notFlat(key, parser);
            }
            items.add(parser.getText());
        }
        return List.copyOf(items);
    }

    private static FieldException notFlat(String key, JsonParser parser) throws IOException {
        return new FieldException(
                "metadata." + Json.clip(key),
                "must be a string, a number, a boolean or a list of strings (no nesting, no null), got "
                        + Json.describe(parser));
    }
}
