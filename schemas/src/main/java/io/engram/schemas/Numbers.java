package io.engram.schemas;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Optional;

/**
 * Numbers as JSON has them: decimals, which are kept and compared as such and never rounded. Whole numbers are {@link
 * Long} or, beyond that, {@link BigInteger}; others are {@link Double} when its decimal form is exactly what was sent,
 * else {@link BigDecimal}.
 */
public final class Numbers {
    /** Greatest power of ten of a number's first digit, up or down. */
    public static final int MAX_EXPONENT = 9_999;

    /** Of a decimal, trailing zeros left out. */
    public static final int MAX_DIGITS = 900;

    /** Digits of a {@link Long} at most. */
    private static final int LONG_DIGITS = 19;

    private Numbers() {}

    /**
     * Less than 0, 0 or more than 0 when {@code a} is less than, equal to or greater than {@code b}, exactly.
     *
     * @param a a finite number, like {@code b}
     */
    public static int compare(Number a, Number b) {
        if (a instanceof Long left && b instanceof Long right) {
            return Long.compare(left, right);
        }
        return decimal(a).compareTo(decimal(b));
    }

    /** One object for all numbers of the same value, so that {@code equals} says whether two numbers are the same. */
    public static Number canonical(Number number) {
        if (number instanceof Long) {
            return number;
        }
        BigDecimal stripped = decimal(number).stripTrailingZeros();
        boolean whole = stripped.scale() <= 0;
        if (whole && (long) stripped.precision() - stripped.scale() <= LONG_DIGITS) {
            BigInteger value = stripped.toBigIntegerExact();
            if (value.bitLength() < Long.SIZE) {
                return value.longValueExact();
            }
        }
        return stripped;
    }

    /** The shortest of the forms that hold a decimal exactly. */
    public static Number simplest(BigDecimal decimal) {
        double rounded = decimal.doubleValue();
        return Double.isFinite(rounded) && BigDecimal.valueOf(rounded).compareTo(decimal) == 0
                ? (Number) rounded
                : decimal.stripTrailingZeros();
    }

    /**
     * True when the first digit stands at a power of ten up to {@value #MAX_EXPONENT}, since larger ones cost to compare, and
     * a whole number and a decimal have up to {@value #MAX_DIGITS} digits, since Jackson reads no more than 1,000 characters
     * of what is stored.
     */
    public static boolean isInRange(Number number) {
        if (number instanceof BigInteger whole) {
            return new BigDecimal(whole).precision() <= MAX_DIGITS;
        }
        if (!(number instanceof BigDecimal decimal)) {
            return !(number instanceof Double value) || Double.isFinite(value);
        }
        return decimal.precision() <= MAX_DIGITS
                && Math.abs((long) decimal.precision() - decimal.scale() - 1) <= MAX_EXPONENT;
    }

    /** The number that the parser stands on; empty when it is none, or out of range. */
    static Optional<Number> read(JsonParser parser) throws IOException {
        try {
            if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
                return Optional.of(
                                parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                                        ? parser.getBigIntegerValue()
                                        : (Number) parser.getLongValue())
                        .filter(Numbers::isInRange);
            }
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_FLOAT || parser.isNaN()) {
                return Optional.empty();
            }
            BigDecimal decimal = parser.getDecimalValue();
            if (decimal.signum() == 0 && parser.getText().charAt(0) == '-') {
                return Optional.of(-0.0);
            }
            return Optional.of(simplest(decimal)).filter(Numbers::isInRange);
        } catch (JsonProcessingException | ArithmeticException | NumberFormatException e) {
            return Optional.empty(); // an exponent beyond what a decimal can have
        }
    }

    private static BigDecimal decimal(Number number) {
        if (number instanceof BigDecimal decimal) {
            return decimal;
        }
        if (number instanceof BigInteger whole) {
            return new BigDecimal(whole);
        }
        if (number instanceof Double || number instanceof Float) {
            // By its text: a double stands for the decimal that it is written as.
            return new BigDecimal(number.toString());
        }
        return BigDecimal.valueOf(number.longValue());
    }
}
