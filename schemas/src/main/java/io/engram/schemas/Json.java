package io.engram.schemas;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;

/** The one JSON factory, strict as RFC 8259, and how values are named in error messages. */
final class Json {
    static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNestingDepth(64).build())
            // Errors name the field themselves; the location object would keep the input alive.
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            // Metadata keys are the clients': not interned, and many of one hash are slow, not an error.
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
            // Read, so that the error names the component that is NaN instead of calling the record no JSON.
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    private static final int CLIP = 60;

    private Json() {}

    /** At most 60 characters of a value that a client sent, without control characters. */
    static String clip(String text) {
        // A long text is cut before it is looked at: it may be a whole record.
        String start = text.length() <= CLIP ? text : text.substring(0, CLIP);
        String clean = start.replaceAll("\\p{Cntrl}|\\p{Cs}", "?");
        return text.length() <= CLIP ? clean : clean + "…";
    }

    /** The current token in the words of an error message. */
    static String describe(JsonParser parser) throws IOException {
        return switch (parser.currentToken()) {
            case VALUE_NULL -> "null";
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "the string \"" + clip(parser.getText()) + "\"";
            default -> clip(parser.getText());
        };
    }
}
