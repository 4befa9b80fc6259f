package io.engram.schemas;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;

/** Embeddings as JSON: base64 of little-endian float32, or an array of numbers. */
public final class Embeddings {
    private static final int INVALID = -1;
    private static final int[] SIX_BITS = sixBits();

    private Embeddings() {}

    /** Base64 of the little-endian float32 components. */
    public static String toBase64(float[] embedding) {
        ByteBuffer bytes = ByteBuffer.allocate(embedding.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(embedding);
        return Base64.getEncoder().encodeToString(bytes.array());
    }

    /** Reads the value that the parser stands on; on return the parser stands on its end. */
    static float[] read(JsonParser parser) throws IOException, FieldException {
        if (parser.currentToken() == JsonToken.VALUE_STRING) {
            return checked(decodeBase64(parser.getTextCharacters(), parser.getTextOffset(), parser.getTextLength()));
        }
        if (parser.currentToken() == JsonToken.START_ARRAY) {
            return checked(readArray(parser));
        }
        throw new FieldException(
                "embedding",
                "must be base64 of little-endian float32 or an array of numbers, got " + Json.describe(parser));
    }

    private static float[] readArray(JsonParser parser) throws IOException, FieldException {
        float[] values = new float[1024];
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (!parser.currentToken().isNumeric()) {
                throw new FieldException("embedding[" + count + "]", "must be a number, got " + Json.describe(parser));
            }
            if (count < Limits.MAX_DIMENSION) {
                if (count == values.length) {
                    values = Arrays.copyOf(values, count * 2);
                }
                values[count] = parser.getFloatValue();
            }
            count++;
        }
        requireDimension(count);
        return Arrays.copyOf(values, count);
    }

    // Straight from the parser's characters to floats: no intermediate string, byte array or decoder.
    private static float[] decodeBase64(char[] chars, int offset, int length) throws FieldException {
        int padding = 0;
        while (padding < 2 && length - padding > 0 && chars[offset + length - 1 - padding] == '=') {
            padding++;
        }
        int bytes = length / 4 * 3 - padding;
        if (length % 4 != 0 || bytes % Float.BYTES != 0) {
            for (int i = offset; i < offset + length - padding; i++) {
                sixBits(chars, i, offset);
            }
            throw new FieldException(
                    "embedding",
                    length % 4 != 0
                            ? "is not base64: " + length
                                    + " characters is no multiple of 4; use the standard alphabet with padding"
                            : "holds " + bytes + " bytes, which is no multiple of 4; send little-endian float32");
        }
        int dimension = bytes / Float.BYTES;
        requireDimension(dimension);
        float[] values = new float[dimension];
        int end = offset + length - padding;
        int pending = 0; // bits of the float being filled, little-endian
        int filled = 0; // how many of them
        int next = 0;
        int buffer = 0;
        int bufferBits = 0;
        for (int i = offset; i < end; i++) {
            buffer = buffer << 6 | sixBits(chars, i, offset);
            bufferBits += 6;
            if (bufferBits >= 8) {
                bufferBits -= 8;
                pending |= (buffer >>> bufferBits & 0xff) << filled;
                filled += 8;
                if (filled == 32) {
                    values[next++] = Float.intBitsToFloat(pending);
                    pending = 0;
                    filled = 0;
                }
            }
        }
        // The last character may carry bits that belong to no byte: two texts must not mean the same.
        if ((buffer & (1 << bufferBits) - 1) != 0) {
            throw new FieldException("embedding", "is not base64: its last character has bits that belong to no byte");
        }
        return values;
    }

    private static int sixBits(char[] chars, int at, int offset) throws FieldException {
        char c = chars[at];
        int bits = c < 128 ? SIX_BITS[c] : INVALID;
        if (bits == INVALID) {
            throw new FieldException(
                    "embedding", "is not base64: character '" + Json.clip(String.valueOf(c)) + "' at " + (at - offset));
        }
        return bits;
    }

    private static void requireDimension(int dimension) throws FieldException {
        if (dimension < Limits.MIN_DIMENSION || dimension > Limits.MAX_DIMENSION) {
            throw new FieldException(
                    "embedding",
                    "has "
                            + dimension
                            + " dimensions, allowed are "
                            + Limits.MIN_DIMENSION
                            + " to "
                            + Limits.MAX_DIMENSION);
        }
    }

    private static float[] checked(float[] values) throws FieldException {
        double squares = 0;
        for (float value : values) {
            squares += (double) value * value;
        }
        if (Double.isFinite(squares) && squares > 0) {
            return values;
        }
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new FieldException(
                        "embedding[" + i + "]", "is " + values[i] + "; every component must be finite");
            }
        }
        throw new FieldException("embedding", "is the zero vector, which has no direction to compare");
    }

    private static int[] sixBits() {
        int[] table = new int[128];
        Arrays.fill(table, INVALID);
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (int i = 0; i < alphabet.length(); i++) {
            table[alphabet.charAt(i)] = i;
        }
        return table;
    }
}
