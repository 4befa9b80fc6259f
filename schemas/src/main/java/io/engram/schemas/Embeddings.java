package io.engram.schemas;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;

/** Embeddings as JSON: base64 of little-endian float32, or an array of numbers. */
public final class Embeddings {
    private static final byte INVALID = -1;
    private static final byte[] SIX_BITS = sixBits();

    private Embeddings() {}

    /** Base64 of the little-endian float32 components. */
    public static String toBase64(float[] embedding) {
        ByteBuffer bytes = ByteBuffer.allocate(embedding.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(embedding);
        return Base64.getEncoder().encodeToString(bytes.array());
    }

    /**
     * The embedding of such base64, by the same rules as in a record.
     *
     * @param field what error messages call it
     * @throws FieldException when it is no embedding
     */
    public static float[] ofBase64(String field, String base64) throws FieldException {
        byte[] text = base64.getBytes(StandardCharsets.UTF_8);
        return checked(field, decodeBase64(field, text, 0, text.length));
    }

    /**
     * Reads the value that the parser stands on; on return the parser stands on its end.
     *
     * @param field what error messages call it
     * @param json what the parser reads, from its first byte
     */
    static float[] read(String field, JsonParser parser, byte[] json) throws IOException, FieldException {
        if (parser.currentToken() == JsonToken.VALUE_STRING) {
            return checked(field, readBase64(field, parser, json));
        }
        if (parser.currentToken() == JsonToken.START_ARRAY) {
            return checked(field, readArray(field, parser));
        }
        throw new FieldException(
                field, "must be base64 of little-endian float32 or an array of numbers, got " + Json.describe(parser));
    }

    /** The parser has not looked at the string yet: it is decoded where it stands, unless it has escapes. */
    private static float[] readBase64(String field, JsonParser parser, byte[] json) throws IOException, FieldException {
        long quote = parser.currentTokenLocation().getByteOffset();
        if (quote >= 0 && quote < json.length && json[(int) quote] == '"') {
            int from = (int) quote + 1;
            int end = Utf8.indexOf(json, from, json.length, (byte) '"');
            int escape = Utf8.indexOf(json, from, end, (byte) '\\');
            if (end > from && escape < 0) {
                return decodeBase64(field, json, from, end - from);
            }
        }
        byte[] text = parser.getText().getBytes(StandardCharsets.UTF_8);
        return decodeBase64(field, text, 0, text.length);
    }

    private static float[] readArray(String field, JsonParser parser) throws IOException, FieldException {
        float[] values = new float[1024];
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (!parser.currentToken().isNumeric()) {
                throw new FieldException(field + "[" + count + "]", "must be a number, got " + Json.describe(parser));
            }
            if (count < Limits.MAX_DIMENSION) {
                if (count == values.length) {
                    values = Arrays.copyOf(values, count * 2);
                }
                values[count] = parser.getFloatValue();
            }
            count++;
        }
        requireDimension(field, count);
        return Arrays.copyOf(values, count);
    }

    // Straight from the record's bytes to floats: no intermediate string, byte array or decoder.
    private static float[] decodeBase64(String field, byte[] chars, int offset, int length) throws FieldException {
        int padding = 0;
        while (padding < 2 && length - padding > 0 && chars[offset + length - 1 - padding] == '=') {
            padding++;
        }
        int bytes = length / 4 * 3 - padding;
        if (length % 4 != 0 || bytes % Float.BYTES != 0) {
            for (int i = offset; i < offset + length - padding; i++) {
                sixBits(field, chars, i, offset);
            }
            throw new FieldException(
                    field,
                    length % 4 != 0
                            ? "is not base64: " + length
                                    + " characters is no multiple of 4; use the standard alphabet with padding"
                            : "holds " + bytes + " bytes, which is no multiple of 4; send little-endian float32");
        }
        int dimension = bytes / Float.BYTES;
        requireDimension(field, dimension);
        float[] values = new float[dimension];
        int whole = dimension / 3;
        for (int i = 0; i < whole; i++) {
            decodeThree(field, chars, offset + 16 * i, offset, values, 3 * i);
        }
        decodeRest(field, chars, offset + 16 * whole, offset + length - padding, offset, values, 3 * whole);
        return values;
    }

    /** Sixteen characters are twelve bytes are three floats. */
    private static void decodeThree(String field, byte[] chars, int at, int offset, float[] values, int next)
            throws FieldException {
        int a = group(field, chars, at, offset);
        int b = group(field, chars, at + 4, offset);
        int c = group(field, chars, at + 8, offset);
        int d = group(field, chars, at + 12, offset);
        values[next] = Float.intBitsToFloat(Integer.reverseBytes(a << 8 | b >>> 16));
        values[next + 1] = Float.intBitsToFloat(Integer.reverseBytes(b << 16 | c >>> 8));
        values[next + 2] = Float.intBitsToFloat(Integer.reverseBytes(c << 24 | d));
    }

    /** Four characters are 24 bits. */
    private static int group(String field, byte[] chars, int at, int offset) throws FieldException {
        byte[] table = SIX_BITS;
        int a = table[chars[at] & 0xff];
        int b = table[chars[at + 1] & 0xff];
        int c = table[chars[at + 2] & 0xff];
        int d = table[chars[at + 3] & 0xff];
        if ((a | b | c | d) < 0) {
            for (int i = at; i < at + 4; i++) {
                sixBits(field, chars, i, offset);
            }
        }
        return a << 18 | b << 12 | c << 6 | d;
    }

    private static void decodeRest(String field, byte[] chars, int from, int to, int offset, float[] values, int next)
            throws FieldException {
        int pending = 0; // bits of the float being filled, little-endian
        int filled = 0; // how many of them
        int buffer = 0;
        int bufferBits = 0;
        for (int i = from; i < to; i++) {
            buffer = buffer << 6 | sixBits(field, chars, i, offset);
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
            throw new FieldException(field, "is not base64: its last character has bits that belong to no byte");
        }
    }

    private static int sixBits(String field, byte[] chars, int at, int offset) throws FieldException {
        int bits = SIX_BITS[chars[at] & 0xff];
        if (bits == INVALID) {
            throw new FieldException(
                    field,
                    "is not base64: character '" + Json.clip(String.valueOf((char) (chars[at] & 0xff))) + "' at "
                            + (at - offset));
        }
        return bits;
    }

    private static void requireDimension(String field, int dimension) throws FieldException {
        if (dimension < Limits.MIN_DIMENSION || dimension > Limits.MAX_DIMENSION) {
            throw new FieldException(
                    field,
                    "has "
                            + dimension
                            + " dimensions, allowed are "
                            + Limits.MIN_DIMENSION
                            + " to "
                            + Limits.MAX_DIMENSION);
        }
    }

    // Four sums, because one would wait for each addition before the next.
    private static double squares(float[] values) {
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        int i = 0;
        for (int bound = values.length - 3; i < bound; i += 4) {
            a += (double) values[i] * values[i];
            b += (double) values[i + 1] * values[i + 1];
            c += (double) values[i + 2] * values[i + 2];
            d += (double) values[i + 3] * values[i + 3];
        }
        for (; i < values.length; i++) {
            a += (double) values[i] * values[i];
        }
        return (a + b) + (c + d);
    }

    private static float[] checked(String field, float[] values) throws FieldException {
        double squares = squares(values);
        if (Double.isFinite(squares) && squares > 0) {
            return values;
        }
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new FieldException(field + "[" + i + "]", "is " + values[i] + "; every component must be finite");
            }
        }
        throw new FieldException(field, "is the zero vector, which has no direction to compare");
    }

    private static byte[] sixBits() {
        byte[] table = new byte[256];
        Arrays.fill(table, INVALID);
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (int i = 0; i < alphabet.length(); i++) {
            table[alphabet.charAt(i)] = (byte) i;
        }
        return table;
    }
}
