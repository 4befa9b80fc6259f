package io.engram.schemas;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Flat facts about a memory: each value is a {@link String}, a {@link Boolean}, a number as {@link Numbers} has them, or a
 * list of these. Keys are sorted, so that equal metadata has equal JSON whatever order it was sent in; what was sent as a
 * nested object has keys with dots.
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
        if (value instanceof List<?> list) {
            return list.stream().map(item -> scalar(key, item)).toList();
        }
        return scalar(key, value);
    }

    private static Object scalar(String key, Object value) {
        if (value instanceof String
                || value instanceof Boolean
                || value instanceof Long
                || value instanceof BigInteger) {
            return value;
        }
        if (value instanceof Integer number) {
            return number.longValue();
        }
        if (value instanceof BigDecimal number && Numbers.isInRange(number)) {
            return Numbers.simplest(number);
        }
        if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
            return number.doubleValue();
        }
        throw new IllegalArgumentException(
                "metadata." + key + " must be a string, a finite number, a boolean or a list of these: " + value);
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
            if (entry.getValue() instanceof List<?> items) {
                generator.writeStartArray();
                for (Object item : items) {
                    writeScalar(item, generator);
                }
                generator.writeEndArray();
            } else {
                writeScalar(entry.getValue(), generator);
            }
        }
        generator.writeEndObject();
    }

    private static void writeScalar(Object value, JsonGenerator generator) throws IOException {
        if (value instanceof String text) {
            generator.writeString(text);
        } else if (value instanceof Boolean flag) {
            generator.writeBoolean(flag);
        } else if (value instanceof Long number) {
            generator.writeNumber(number);
        } else if (value instanceof Double number) {
            generator.writeNumber(number);
        } else if (value instanceof BigInteger number) {
            generator.writeNumber(number);
        } else {
            generator.writeNumber((BigDecimal) value);
        }
    }

    /** Reads the object that the parser stands on; on return the parser stands on its end. */
    static Metadata read(JsonParser parser) throws IOException, FieldException {
        TreeMap<String, Object> values = new MetadataReader(parser).read();
        return values.isEmpty() ? EMPTY : new Metadata(values);
    }
}
