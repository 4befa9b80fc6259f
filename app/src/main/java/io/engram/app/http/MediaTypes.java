package io.engram.app.http;

import io.javalin.http.Context;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.QuotedQualityCSV;

/** Media types, compared as such: without their parameters, in whatever case (RFC 9110). */
final class MediaTypes {
    static final String JSON = "application/json";
    static final String NDJSON = "application/x-ndjson";

    private MediaTypes() {}

    /** True when the request's body is declared to be of this type. */
    static boolean isBody(Context context, String type) {
        return Optional.ofNullable(context.contentType())
                .map(MediaTypes::base)
                .filter(type::equals)
                .isPresent();
    }

    /** Which of two types the client wants more; the first one when it says nothing, or likes both as much. */
    static String wanted(Context context, String usual, String other) {
        for (String type : accepted(context)) {
            String base = base(type);
            if (base.equals(other)) {
                return other;
            }
            if (base.equals(usual) || base.endsWith("/*")) {
                return usual;
            }
        }
        return usual;
    }

    /** What the client accepts, what it likes best first; what it refuses (a quality of 0) is left out. */
    static List<String> accepted(Context context) {
        QuotedQualityCSV accepted = new QuotedQualityCSV();
        Collections.list(context.req().getHeaders("Accept")).forEach(accepted::addValue);
        return accepted.getValues();
    }

    /** The type alone, in lower case. */
    static String base(String type) {
        return HttpField.stripParameters(type).trim().toLowerCase(Locale.ROOT);
    }
}
