package io.engram.app.http;

import io.javalin.http.Context;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The query parameters of a request; whatever is wrong is a 400 that names the parameter. */
final class Query {
    private Query() {}

    /** Refuses parameters that nobody would read: most likely a typing error. */
    static void allowOnly(Context context, String... names) {
        Set<String> known = Set.of(names);
        for (String name : context.queryParamMap().keySet()) {
            if (!known.contains(name)) {
                throw Problem.badRequest("unknown query parameter '" + JsonBody.clip(name) + "'; "
                                + (known.isEmpty()
                                        ? "this route has none"
                                        : "known are " + known.stream().sorted().toList()))
                        .asException();
            }
        }
    }

    /** The parameter's value, which may be there once. */
    static Optional<String> one(Context context, String name) {
        List<String> values = context.queryParams(name);
        if (values.size() > 1) {
            throw Problem.badRequest(name + " is there " + values.size() + " times; send it once")
                    .asException();
        }
        return values.stream().findFirst();
    }

    /** True when the parameter has that one value that it may have, false when it is not there. */
    static boolean has(Context context, String name, String value) {
        Optional<String> given = one(context, name);
        if (given.isPresent() && !given.get().equals(value)) {
            throw Problem.badRequest(
                            name + " must be " + value + ", or left out; got '" + JsonBody.clip(given.get()) + "'")
                    .asException();
        }
        return given.isPresent();
    }

    /** {@code true} or {@code false}, which is also the default. */
    static boolean flag(Context context, String name) {
        String given = one(context, name).orElse("false");
        if (!given.equals("true") && !given.equals("false")) {
            throw Problem.badRequest(name + " must be true or false, got '" + JsonBody.clip(given) + "'")
                    .asException();
        }
        return given.equals("true");
    }

    /**
     * A whole number from 0 up.
     *
     * @param name what the number is, for the error message
     */
    static long number(String name, String text) {
        try {
            if (!text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
                return Long.parseLong(text);
            }
        } catch (NumberFormatException e) {
            // More digits than a long has: the same message.
        }
        throw Problem.badRequest(name + " must be a whole number from 0 to " + Long.MAX_VALUE + ", got '"
                        + JsonBody.clip(text) + "'")
                .asException();
    }
}
