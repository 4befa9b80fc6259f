package io.engram.schemas;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Reads metadata as clients send it: nested objects become keys with dots, and what is {@code null} is left out. One per
 * value; not thread-safe.
 */
final class MetadataReader {
    private static final int MAX_DEPTH = 8;

    /** Characters that are taken in before the exact size is known: keys of nested objects repeat their parents'. */
    private static final int MAX_CHARACTERS = 16 * Limits.MAX_METADATA_BYTES;

    private static final String ALLOWED =
            "must be a string, a number, a boolean, a list of these, an object of these or null";

    private final JsonParser parser;
    private final TreeMap<String, Object> values = new TreeMap<>();
    /** Paths of everything that was read: objects and null too, which leave nothing in the values. */
    private final Set<String> seen = new HashSet<>();

    private int characters;

    MetadataReader(JsonParser parser) {
        this.parser = parser;
    }

    /** Reads the object that the parser stands on; on return the parser stands on its end. */
    TreeMap<String, Object> read() throws IOException, FieldException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw new FieldException("metadata", "must be an object, got " + Json.describe(parser));
        }
        readObject("", 1);
        return values;
    }

    private void readObject(String parents, int depth) throws IOException, FieldException {
        if (depth > MAX_DEPTH) {
            throw new FieldException(
                    name(parents.substring(0, parents.length() - 1)),
                    "is nested deeper than " + MAX_DEPTH + " objects; send flatter metadata");
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            charge(parents.length() + parser.currentName().length());
            String key = parents + parser.currentName();
            Utf8.requireWhole(name(key), key);
            if (!seen.add(key)) {
                throw new FieldException(name(key), "is there twice; send each key once");
            }
            parser.nextToken();
            if (parser.currentToken() == JsonToken.START_OBJECT) {
                readObject(key + '.', depth + 1);
            } else if (parser.currentToken() == JsonToken.START_ARRAY) {
                values.put(key, readList(key));
            } else if (parser.currentToken() != JsonToken.VALUE_NULL) {
                values.put(key, readScalar(name(key)));
            }
        }
    }

    private List<Object> readList(String key) throws IOException, FieldException {
        List<Object> items = new ArrayList<>();
        for (int i = 0; parser.nextToken() != JsonToken.END_ARRAY; i++) {
            if (parser.currentToken().isStructStart()) {
                throw new FieldException(
                        name(key) + "[" + i + "]",
                        "must be a string, a number or a boolean, got " + Json.describe(parser)
                                + "; lists hold single values");
            }
            if (parser.currentToken() != JsonToken.VALUE_NULL) {
                charge(1);
                items.add(readScalar(name(key) + "[" + i + "]"));
            }
        }
        return List.copyOf(items);
    }

    private Object readScalar(String name) throws IOException, FieldException {
        switch (parser.currentToken()) {
            case VALUE_STRING:
                String text = parser.getText();
                charge(text.length());
                Utf8.requireWhole(name, text);
                return text;
            case VALUE_TRUE:
                return Boolean.TRUE;
            case VALUE_FALSE:
                return Boolean.FALSE;
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT:
                Optional<Number> number = Numbers.read(parser);
                if (number.isEmpty()) {
                    throw new FieldException(
                            name,
                            "is out of range: " + Json.clip(parser.getText())
                                    + "; send a finite number with an exponent of at most " + Numbers.MAX_EXPONENT);
                }
                return number.get();
            default:
                throw new FieldException(name, ALLOWED + ", got " + Json.describe(parser));
        }
    }

    private void charge(int more) throws FieldException {
        characters += more;
        if (characters > MAX_CHARACTERS) {
            throw new FieldException(
                    "metadata",
                    "is more than " + MAX_CHARACTERS + " bytes of JSON, the limit is " + Limits.MAX_METADATA_BYTES);
        }
    }

    private static String name(String key) {
        return "metadata." + Json.clip(key);
    }
}
