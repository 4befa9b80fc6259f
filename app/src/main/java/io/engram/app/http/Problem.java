package io.engram.app.http;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/**
 * An error as the client sees it: problem details for HTTP (RFC 9457), {@code application/problem+json}.
 *
 * @param status of the response
 * @param title of the kind of error
 * @param detail one sentence that names the field and the fix
 * @param retryAfterMs how long to wait before another attempt, when waiting helps
 */
public record Problem(int status, String title, String detail, OptionalLong retryAfterMs) {
    public static final String CONTENT_TYPE = "application/problem+json";

    /** When a problem that time mends does not say how long that takes. */
    private static final long DEFAULT_RETRY_AFTER_MS = 1_000;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Who is refused for now is always told when to come again. */
    public Problem {
        if ((status == 429 || status == 503) && retryAfterMs.isEmpty()) {
            retryAfterMs = OptionalLong.of(DEFAULT_RETRY_AFTER_MS);
        }
    }

    static Problem of(int status, String title, String detail) {
        return new Problem(status, title, detail, OptionalLong.empty());
    }

    static Problem badRequest(String detail) {
        return of(400, "Bad Request", detail);
    }

    static Problem retryLater(int status, String title, String detail, long retryAfterMs) {
        return new Problem(status, title, detail, OptionalLong.of(retryAfterMs));
    }

    /** The value of {@code Retry-After}: whole seconds, rounded up. */
    String retryAfterSeconds() {
        return Long.toString((retryAfterMs.orElse(0) + 999) / 1_000);
    }

    byte[] json() {
        ObjectNode json = MAPPER.createObjectNode();
        json.put("type", "about:blank")
                .put("title", title)
                .put("status", status)
                .put("detail", detail);
        retryAfterMs.ifPresent(ms -> json.put("retry_after_ms", ms));
        return json.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** Ends a request with a problem. */
    static final class ProblemException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final transient Problem problem;

        ProblemException(Problem problem) {
            super(problem.detail(), null, false, false);
            this.problem = problem;
        }

        Problem problem() {
            return problem;
        }
    }

    ProblemException asException() {
        return new ProblemException(this);
    }
}
