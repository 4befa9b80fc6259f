package io.engram.schemas;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/**
 * JSON bytes to {@link Observation} and back. Strict: each broken rule is a {@link Decoded.Malformed} that names the
 * field; unknown fields are ignored. Stateless and thread-safe.
 */
public final class ObservationCodec {
    private ObservationCodec() {}

    /** Decodes a record's value; an absent value (a Kafka tombstone) is malformed as well. Never throws. */
    public static Decoded decode(Optional<byte[]> value) {
        return decode(value, false);
    }

    /**
     * Decodes the bytes of a client of an interface that has no sessions: the same rules and the same words, except that
     * session and sequence must be absent. Never throws.
     */
    public static Decoded decodeUnsequenced(byte[] value) {
        return decode(Optional.of(value), true);
    }

    private static Decoded decode(Optional<byte[]> value, boolean unsequenced) {
        if (value.isEmpty() || value.get().length == 0) {
            return malformed("value", "value is empty; send a JSON object");
        }
        byte[] bytes = value.get();
        int invalid = Utf8.firstInvalid(bytes);
        if (invalid >= 0) {
            return malformed(
                    "value",
                    "value is not UTF-8: byte 0x%02x at %d; send JSON text in UTF-8"
                            .formatted(bytes[invalid], invalid));
        }
        Fields fields = new Fields(bytes, unsequenced);
        if (bytes.length > Limits.MAX_VALUE_BYTES) {
            fields.fail(new FieldException(
                    "value", "is " + bytes.length + " bytes, the limit is " + Limits.MAX_VALUE_BYTES + "; send less"));
        }
        try (JsonParser parser = Json.FACTORY.createParser(bytes)) {
            fields.readObject(parser);
        } catch (FieldException e) {
            // What was read before the error still says where the record belongs in its session.
            return new Decoded.Malformed(e.field(), e.getMessage(), fields.position());
        } catch (StreamConstraintsException e) {
            return new Decoded.Malformed(
                    "value",
                    "value goes beyond a limit: " + Json.clip(e.getOriginalMessage()) + at(e),
                    fields.position());
        } catch (JsonProcessingException e) {
            return new Decoded.Malformed(
                    "value", "value is not JSON: " + Json.clip(e.getOriginalMessage()) + at(e), fields.position());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return fields.finish();
    }

    /** Encodes an observation, embeddings as base64. */
    public static byte[] encode(Observation observation) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(256 + observation.embedding().length * 6);
        try (JsonGenerator json = Json.FACTORY.createGenerator(out)) {
            json.writeStartObject();
            if (observation.operation() != Operation.OBSERVE) {
                json.writeStringField("op", observation.operation().label());
            }
            if (observation.id().isPresent()) {
                json.writeStringField("id", observation.id().get());
            }
            if (observation.position().isPresent()) {
                SessionPosition position = observation.position().get();
                json.writeStringField("session", position.session());
                json.writeNumberField("sequence", position.sequence());
            }
            if (observation.operation() == Operation.OBSERVE) {
                json.writeStringField("content", observation.content());
                json.writeStringField("embedding", Embeddings.toBase64(observation.embedding()));
            }
            if (!observation.metadata().values().isEmpty()) {
                json.writeFieldName("metadata");
                observation.metadata().writeTo(json);
            }
            if (observation.confidence().isPresent()) {
                json.writeNumberField("confidence", observation.confidence().getAsDouble());
            }
            if (observation.observedAt().isPresent()) {
                json.writeStringField(
                        "observed_at", observation.observedAt().get().toString());
            }
            writeSettings(observation.settings(), json);
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static void writeSettings(SpaceSettings settings, JsonGenerator json) throws IOException {
        if (settings.equals(SpaceSettings.NONE)) {
            return;
        }
        json.writeObjectFieldStart("settings");
        if (settings.dimension().isPresent()) {
            json.writeNumberField("dimension", settings.dimension().getAsInt());
        }
        writeLimit("ttl_ms", settings.ttlMs(), json);
        writeLimit("max_memories", settings.maxMemories(), json);
        json.writeEndObject();
    }

    private static void writeLimit(String name, OptionalLong limit, JsonGenerator json) throws IOException {
        if (limit.isEmpty()) {
            return;
        }
        if (limit.getAsLong() == SpaceSettings.DEFAULT) {
            json.writeNullField(name);
        } else {
            json.writeNumberField(name, limit.getAsLong());
        }
    }

    private static Decoded.Malformed malformed(String field, String detail) {
        return new Decoded.Malformed(field, detail, Optional.empty());
    }

    private static String at(JsonProcessingException e) {
        return e.getLocation() == null ? "" : " at column " + e.getLocation().getColumnNr();
    }

    /** The fields of one value while they are read; the first broken rule is kept, reading goes on for the position. */
    private static final class Fields {
        private static final float[] NO_EMBEDDING = {};
        private static final List<String> FIELDS = List.of(
                "id",
                "session",
                "sequence",
                "content",
                "embedding",
                "metadata",
                "confidence",
                "observed_at",
                "op",
                "settings");

        private final byte[] json;
        private final boolean unsequenced;
        private Optional<FieldException> failure = Optional.empty();
        private int seen;
        private int present;
        /** Names that no rule knows; they are ignored, but not twice. */
        private final Set<String> unknown = new HashSet<>();

        private Operation operation = Operation.OBSERVE;
        private Optional<String> id = Optional.empty();
        private String session = "";
        private long sequence;
        private String content = "";
        private float[] embedding = NO_EMBEDDING;
        private Metadata metadata = Metadata.EMPTY;
        private OptionalDouble confidence = OptionalDouble.empty();
        private Optional<Instant> observedAt = Optional.empty();
        private SpaceSettings settings = SpaceSettings.NONE;

        Fields(byte[] json, boolean unsequenced) {
            this.json = json;
            this.unsequenced = unsequenced;
        }

        void readObject(JsonParser parser) throws IOException, FieldException {
            JsonToken first = parser.nextToken();
            if (first == null) {
                throw new FieldException("value", "is empty; send a JSON object");
            }
            if (first != JsonToken.START_OBJECT) {
                throw new FieldException("value", "must be a JSON object, got " + Json.describe(parser));
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                int depth = parser.getParsingContext().getNestingDepth()
                        - (parser.currentToken().isStructStart() ? 1 : 0);
                try {
                    readField(name, parser);
                } catch (FieldException e) {
                    fail(e);
                    skipTo(depth, parser);
                }
            }
            if (parser.nextToken() != null) {
                throw new FieldException("value", "goes on after the JSON object; send one object a record");
            }
        }

        // The rest of a field whose reading stopped in its middle.
        private static void skipTo(int depth, JsonParser parser) throws IOException {
            if (parser.currentToken().isStructStart()) {
                parser.skipChildren();
            }
            while (parser.getParsingContext().getNestingDepth() > depth) {
                parser.nextToken();
            }
        }

        void fail(FieldException e) {
            if (failure.isEmpty()) {
                failure = Optional.of(e);
            }
        }

        private void readField(String name, JsonParser parser) throws IOException, FieldException {
            int field = FIELDS.indexOf(name);
            if (field < 0) {
                if (!unknown.add(name)) {
                    throw twice(name);
                }
                parser.skipChildren();
                return;
            }
            if ((seen & 1 << field) != 0) {
                throw twice(name);
            }
            seen |= 1 << field;
            if (parser.currentToken() == JsonToken.VALUE_NULL) {
                return; // as if it were not there
            }
            present |= 1 << field;
            switch (name) {
                case "id" -> id = Optional.of(id(parser));
                case "session" -> {
                    requireSessions(name);
                    session = name(name, parser, Limits.MAX_ID_BYTES);
                }
                case "sequence" -> {
                    requireSessions(name);
                    sequence = readSequence(parser);
                }
                case "content" -> content = text(name, parser, 0, Limits.MAX_CONTENT_BYTES);
                case "embedding" -> embedding = Embeddings.read(name, parser, json);
                case "metadata" -> metadata = readMetadata(parser);
                case "confidence" -> confidence = readConfidence(parser);
                case "observed_at" -> observedAt = readInstant(parser);
                case "op" -> operation = readOperation(parser);
                default -> settings = readSettings(parser);
            }
        }

        private void requireSessions(String name) throws FieldException {
            if (unsequenced) {
                throw new FieldException(
                        name,
                        "is not for this interface, which writes without session and sequence; leave both out, or write to Kafka");
            }
        }

        private static FieldException twice(String name) {
            return new FieldException(Json.clip(name), "is there twice; send each field once");
        }

        private boolean has(String name) {
            return (present & 1 << FIELDS.indexOf(name)) != 0;
        }

        Decoded finish() {
            try {
                if (failure.isPresent()) {
                    throw failure.get();
                }
                require(
                        has("session") || !has("sequence"),
                        "session",
                        "is missing beside sequence; name the session that it numbers, or leave both out");
                require(
                        has("sequence") || !has("session"),
                        "sequence",
                        "is missing beside session; number the session's records 1, 2, 3, …, or leave both out");
                if (operation == Operation.CLOSE) {
                    requireCloseable();
                }
                if (operation == Operation.OBSERVE) {
                    require(has("content"), "content", "is missing; send the text to remember");
                    require(
                            embedding.length > 0,
                            "embedding",
                            "is missing; send base64 of float32 or an array of numbers");
                }
                checkIdLength();
                if (operation == Operation.FORGET) {
                    require(id.isPresent(), "id", "is missing; name the memory to forget");
                }
                if (operation == Operation.CONFIGURE) {
                    require(has("settings"), "settings", "is missing; send for example {\"dimension\": 768}");
                }
            } catch (FieldException e) {
                return new Decoded.Malformed(e.field(), e.getMessage(), position());
            }
            return new Decoded.Valid(new Observation(
                    operation,
                    id,
                    position(),
                    operation == Operation.OBSERVE ? content : "",
                    operation == Operation.OBSERVE ? embedding : NO_EMBEDDING,
                    metadata,
                    confidence,
                    observedAt,
                    settings));
        }

        private void requireCloseable() throws FieldException {
            require(!unsequenced, "op", "close ends a session, and this interface has none; write to Kafka");
            require(has("session"), "session", "is missing; name the session that close is to end");
        }

        /** An id that was made up from a long session may be longer than one that is given. */
        private void checkIdLength() throws FieldException {
            int max = operation == Operation.FORGET ? Limits.MAX_DEFAULT_ID_BYTES : Limits.MAX_ID_BYTES;
            requireBytes("id", Utf8.length(id.orElse("")), max);
        }

        private Optional<SessionPosition> position() {
            return session.isEmpty() || sequence < 1
                    ? Optional.empty()
                    : Optional.of(new SessionPosition(session, sequence));
        }

        private static void require(boolean condition, String field, String problem) throws FieldException {
            if (!condition) {
                throw new FieldException(field, problem);
            }
        }

        private static String text(String name, JsonParser parser, int min, int max)
                throws IOException, FieldException {
            if (parser.currentToken() != JsonToken.VALUE_STRING) {
                throw new FieldException(name, "must be a string, got " + Json.describe(parser));
            }
            String text = parser.getText();
            int bytes = Utf8.length(text);
            if (bytes < min) {
                throw new FieldException(name, "is empty; send 1 to " + max + " bytes");
            }
            requireBytes(name, bytes, max);
            Utf8.requireWhole(name, text);
            return text;
        }

        private static void requireBytes(String name, int bytes, int max) throws FieldException {
            if (bytes > max) {
                throw new FieldException(name, "is " + bytes + " bytes of UTF-8, the limit is " + max);
            }
        }

        /** Of any length: which one is allowed depends on the operation, which may come later. */
        private static String id(JsonParser parser) throws IOException, FieldException {
            return name("id", parser, parser.getText().isEmpty() ? Limits.MAX_ID_BYTES : Limits.MAX_VALUE_BYTES);
        }

        /** A text that a URL must be able to name. */
        private static String name(String name, JsonParser parser, int max) throws IOException, FieldException {
            String text = text(name, parser, 1, max);
            if (MemorySpaces.isDotSegment(text)) {
                throw new FieldException(
                        name, "is '" + text + "', which no URL can name: clients take it for a folder; choose another");
            }
            return text;
        }

        private static long readSequence(JsonParser parser) throws IOException, FieldException {
            boolean fits = parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
            long value = fits ? parser.getLongValue() : 0;
            if (value < 1 || value == Long.MAX_VALUE) {
                throw new FieldException(
                        "sequence", "must be a whole number from 1 up (1, 2, 3, …), got " + Json.describe(parser));
            }
            return value;
        }

        private static Metadata readMetadata(JsonParser parser) throws IOException, FieldException {
            Metadata metadata = Metadata.read(parser);
            int bytes = metadata.toJson().length;
            if (bytes > Limits.MAX_METADATA_BYTES) {
                throw new FieldException(
                        "metadata", "is " + bytes + " bytes of JSON, the limit is " + Limits.MAX_METADATA_BYTES);
            }
            return metadata;
        }

        private static OptionalDouble readConfidence(JsonParser parser) throws IOException, FieldException {
            Optional<Number> value = Numbers.read(parser)
                    .filter(number -> Numbers.compare(number, 0L) >= 0 && Numbers.compare(number, 1L) <= 0);
            if (value.isEmpty()) {
                throw new FieldException("confidence", "must be a number from 0 to 1, got " + Json.describe(parser));
            }
            return OptionalDouble.of(value.get().doubleValue());
        }

        private static Optional<Instant> readInstant(JsonParser parser) throws IOException, FieldException {
            try {
                if (parser.currentToken() == JsonToken.VALUE_STRING) {
                    return Optional.of(OffsetDateTime.parse(parser.getText()).toInstant());
                }
            } catch (DateTimeParseException e) {
                // Falls through to the one message for every kind of wrong value.
            }
            throw new FieldException(
                    "observed_at",
                    "must be an RFC 3339 time such as 2026-01-31T12:00:00Z, got " + Json.describe(parser));
        }

        private static Operation readOperation(JsonParser parser) throws IOException, FieldException {
            if (parser.currentToken() == JsonToken.VALUE_STRING) {
                Optional<Operation> operation = Operation.ofLabel(parser.getText());
                if (operation.isPresent()) {
                    return operation.get();
                }
            }
            throw new FieldException(
                    "op", "must be observe, forget, close, configure or drop, got " + Json.describe(parser));
        }

        private static SpaceSettings readSettings(JsonParser parser) throws IOException, FieldException {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                throw new FieldException("settings", "must be an object, got " + Json.describe(parser));
            }
            OptionalInt dimension = OptionalInt.empty();
            OptionalLong ttlMs = OptionalLong.empty();
            OptionalLong maxMemories = OptionalLong.empty();
            Set<String> seen = new HashSet<>();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                if (!seen.add(name)) {
                    throw new FieldException("settings." + Json.clip(name), "is there twice; send each field once");
                }
                parser.nextToken();
                switch (name) {
                    case "dimension" -> dimension = readDimension(parser);
                    case "ttl_ms" -> ttlMs = OptionalLong.of(readLimit(name, parser));
                    case "max_memories" -> maxMemories = OptionalLong.of(readLimit(name, parser));
                    default -> parser.skipChildren();
                }
            }
            return new SpaceSettings(dimension, ttlMs, maxMemories);
        }

        private static long readLimit(String name, JsonParser parser) throws IOException, FieldException {
            if (parser.currentToken() == JsonToken.VALUE_NULL) {
                return SpaceSettings.DEFAULT;
            }
            boolean fits = parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
            long value = fits ? parser.getLongValue() : -1;
            if (value < 0) {
                throw new FieldException(
                        "settings." + name,
                        "must be a whole number from 0 (no limit) up, or null for the configured default, got "
                                + Json.describe(parser));
            }
            return value;
        }

        private static OptionalInt readDimension(JsonParser parser) throws IOException, FieldException {
            if (parser.currentToken() == JsonToken.VALUE_NULL) {
                return OptionalInt.empty();
            }
            boolean fits = parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() == JsonParser.NumberType.INT;
            int value = fits ? parser.getIntValue() : 0;
            if (value < Limits.MIN_DIMENSION || value > Limits.MAX_DIMENSION) {
                throw new FieldException(
                        "settings.dimension",
                        "must be a whole number from "
                                + Limits.MIN_DIMENSION
                                + " to "
                                + Limits.MAX_DIMENSION
                                + ", got "
                                + Json.describe(parser));
            }
            return OptionalInt.of(value);
        }
    }
}
