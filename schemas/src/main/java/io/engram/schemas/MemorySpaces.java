package io.engram.schemas;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The rule for names of memory spaces: 1 to 128 characters of {@code [A-Za-z0-9._-]}, the first of which is no {@code _}
 * (kept for names of our own), and neither {@code .} nor {@code ..}, which clients take out of URLs.
 */
public final class MemorySpaces {
    public static final int MAX_LENGTH = 128;

    /** What a legal name looks like, as a regular expression. */
    public static final String PATTERN = "(?!\\.{1,2}$)[A-Za-z0-9.-][A-Za-z0-9._-]{0,127}";

    /** The same in words, for error messages. */
    public static final String RULE =
            "1 to 128 characters of [A-Za-z0-9._-], not starting with _, and neither '.' nor '..'";

    private MemorySpaces() {}

    /** True when {@code name} is legal. */
    public static boolean isValid(String name) {
        int length = name.length();
        if (length == 0 || length > MAX_LENGTH) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (!isLegal(name.charAt(i))) {
                return false;
            }
        }
        return !isReserved(name);
    }

    /** The space that a record key names, or empty when the key is absent, empty or not a legal name. */
    public static Optional<String> ofKey(Optional<byte[]> key) {
        if (key.isEmpty() || key.get().length == 0 || key.get().length > MAX_LENGTH) {
            return Optional.empty();
        }
        for (byte b : key.get()) {
            if (!isLegal((char) (b & 0xff))) {
                return Optional.empty();
            }
        }
        return Optional.of(new String(key.get(), StandardCharsets.ISO_8859_1)).filter(name -> !isReserved(name));
    }

    /** True for {@code .} and {@code ..}: URLs cannot name them, clients take them for the parent. */
    static boolean isDotSegment(String name) {
        return name.equals(".") || name.equals("..");
    }

    private static boolean isReserved(String name) {
        return name.startsWith("_") || isDotSegment(name);
    }

    private static boolean isLegal(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-';
    }
}
