package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers that may be large: what they take of the heap is limited over all requests, and a client that reads slowly
 * keeps no place of those that are worked on. Thread-safe.
 */
final class Answers {
    /** What fits takes no thread while the client does not read it ({@link HardenedServer}). */
    static final int SMALL_BYTES = 64 << 10;

    /** Set on a request whose client left while it was answered. */
    static final String LEFT = "left";

    private static final Logger LOG = LoggerFactory.getLogger(Answers.class);

    private final Budget budget;
    private final Concurrency concurrency;

    /** @param budget of the bytes that answers hold */
    Answers(Budget budget, Concurrency concurrency) {
        this.budget = budget;
        this.concurrency = concurrency;
    }

    /** Writes a part of an answer. */
    interface Writing {
        void run() throws IOException;
    }

    /**
     * Room for so many bytes of an answer, or for all that there is when they are more.
     *
     * @throws Problem.ProblemException 429 when there is no room right now
     */
    Budget.Grant room(Context context, long bytes) {
        return budget.tryTake(context.req().getRemoteAddr(), Math.min(budget.total(), bytes))
                .orElseThrow(RequestRouter::noRoom);
    }

    /**
     * Answers with an object; a large one is written at once, in room of its own.
     *
     * @throws Problem.ProblemException 429 when there is no room for it right now
     */
    void json(Context context, int status, JsonNode body) throws InterruptedException {
        json(context, status, body.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** As {@link #json(Context, int, JsonNode)}, of JSON in UTF-8. */
    void json(Context context, int status, byte[] json) throws InterruptedException {
        context.status(status).contentType(MediaTypes.JSON);
        if (json.length <= SMALL_BYTES) {
            context.result(json);
            return;
        }
        Budget.Grant room = room(context, json.length);
        try {
            write(context, () -> context.outputStream().write(json));
        } finally {
            room.close();
        }
    }

    /** Writes an answer whose status and headers are set. While the client does not read, that is waiting. */
    void write(Context context, Writing writing) throws InterruptedException {
        try {
            concurrency.writing(() -> {
                try {
                    writing.run();
                    return true;
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            context.attribute(LEFT, true);
            HardenedServer.abort(context, e.toString());
        } catch (RuntimeException e) {
            // Some of it may be on its way: what follows cannot be another answer.
            LOG.warn("Breaking off the answer to {}", context.path(), e);
            HardenedServer.abort(context, e.toString());
        }
    }
}
