package io.engram.app.http;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What another instance answered to a recall: its results stay as the bytes that came, of which a tree would take many
 * times the room.
 *
 * @param results as they came, best first
 * @param about everything besides
 */
record PeerAnswer(List<Result> results, ObjectNode about) {
    /** For one value of many. */
    private static final ObjectReader READER =
            JsonBody.MAPPER.reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    /** A result: where it is in the answer. */
    record Result(byte[] answer, int from, int to, double similarity) {
        /** Its JSON, with the name of its space. */
        String json(String space) {
            String json = new String(answer, from, to - from, StandardCharsets.UTF_8);
            return json.substring(0, json.lastIndexOf('}')) + ",\"space\":\"" + space + "\"}";
        }
    }

    /** @throws IOException when it is no answer to a recall */
    static PeerAnswer parse(byte[] answer) throws IOException {
        List<Result> results = new ArrayList<>();
        ObjectNode about = JsonBody.MAPPER.createObjectNode();
        try (JsonParser parser = JsonBody.MAPPER.createParser(answer)) {
            expect(parser.nextToken() == JsonToken.START_OBJECT);
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals("results")) {
                    expect(parser.currentToken() == JsonToken.START_ARRAY);
                    while (parser.nextToken() == JsonToken.START_OBJECT) {
                        results.add(result(answer, parser));
                    }
                } else {
                    about.set(name, READER.readTree(parser));
                }
            }
        }
        return new PeerAnswer(results, about);
    }

    private static Result result(byte[] answer, JsonParser parser) throws IOException {
        int from = (int) parser.currentTokenLocation().getByteOffset();
        double similarity = -1;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            if (name.equals("similarity")) {
                similarity = parser.getDoubleValue();
            } else {
                parser.skipChildren();
            }
        }
        return new Result(answer, from, (int) parser.currentLocation().getByteOffset(), similarity);
    }

    private static void expect(boolean holds) throws IOException {
        if (!holds) {
            throw new IOException("not an answer to a recall");
        }
    }
}
