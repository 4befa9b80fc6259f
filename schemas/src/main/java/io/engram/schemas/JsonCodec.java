package io.engram.schemas;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;

/** JSON of {@link SessionProgress} and {@link BackpressureStatus}. Thread-safe. */
public final class JsonCodec {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private JsonCodec() {}

    public static byte[] encode(SessionProgress progress) {
        return write(progress);
    }

    public static byte[] encode(BackpressureStatus status) {
        return write(status);
    }

    /**
     * Decodes what {@link #encode(SessionProgress)} wrote.
     *
     * @throws IllegalArgumentException when the bytes are something else
     */
    public static SessionProgress decodeProgress(byte[] json) {
        return read(json, SessionProgress.class);
    }

    /**
     * Decodes what {@link #encode(BackpressureStatus)} wrote.
     *
     * @throws IllegalArgumentException when the bytes are something else
     */
    public static BackpressureStatus decodeBackpressure(byte[] json) {
        return read(json, BackpressureStatus.class);
    }

    private static byte[] write(Object value) {
        try {
            return MAPPER.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static <T> T read(byte[] json, Class<T> type) {
        try {
            return MAPPER.readValue(json, type);
        } catch (IOException e) {
            throw new IllegalArgumentException("not a " + type.getSimpleName() + ": " + e.getMessage(), e);
        }
    }
}
