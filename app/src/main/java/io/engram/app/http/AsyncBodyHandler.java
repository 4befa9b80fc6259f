package io.engram.app.http;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Reads a request's body before a thread is given to it, so that a thousand slow clients hold buffers but no threads, and
 * unpacks it. A body that is too large, too slow or packed in an unknown way ends the request here.
 */
final class AsyncBodyHandler extends Handler.Wrapper {
    private final int maxBytes;
    private final long deadlineMs;
    private final Budget budget;

    /**
     * @param maxBytes of a body, as it came and unpacked
     * @param deadlineMs for the whole body to arrive
     * @param budget of the bytes that bodies take together
     */
    AsyncBodyHandler(int maxBytes, long deadlineMs, Budget budget) {
        this.maxBytes = maxBytes;
        this.deadlineMs = deadlineMs;
        this.budget = budget;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        boolean chunked = request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING);
        if (request.getLength() == 0 || request.getLength() < 0 && !chunked) {
            return super.handle(request, response, callback);
        }
        Optional<String> unknown = unknownCoding(request);
        if (unknown.isPresent()) {
            drainThen(request, () -> unsupported(request, response, callback, unknown.get()));
            return true;
        }
        if (request.getLength() > maxBytes) {
            drainThen(request, () -> tooLarge(request, response, callback));
            return true;
        }
        Budget.Grant charged = budget.tryTake(Request.getRemoteAddr(request), 0).orElseThrow();
        Request.addCompletionListener(request, failure -> charged.close());
        CompletableFuture<byte[]> body = new BodyReader(request, maxBytes, charged).read();
        if (body.isDone()) {
            // It came with the headers, as small ones do: no other thread is needed, and no deadline.
            body.whenComplete((bytes, failure) -> go(request, response, callback, charged, bytes, failure));
            return true;
        }
        Scheduler.Task deadline = request.getComponents()
                .getScheduler()
                .schedule(() -> body.completeExceptionally(new TimeoutException()), deadlineMs, TimeUnit.MILLISECONDS);
        body.whenComplete((bytes, failure) -> {
            deadline.cancel();
            request.getComponents()
                    .getExecutor()
                    .execute(() -> go(request, response, callback, charged, bytes, failure));
        });
        return true;
    }

    /** A coding of the body that nobody here can undo. */
    private static Optional<String> unknownCoding(Request request) {
        List<String> codings = request.getHeaders().getCSV(HttpHeader.CONTENT_ENCODING, false);
        return codings.stream()
                .filter(coding -> !isGzip(coding) && !coding.equalsIgnoreCase("identity"))
                .findFirst()
                .or(() -> codings.stream().filter(AsyncBodyHandler::isGzip).count() > 1
                        ? Optional.of(String.join(", ", codings))
                        : Optional.empty());
    }

    private static boolean isGzip(String coding) {
        return coding.equalsIgnoreCase("gzip") || coding.equalsIgnoreCase("x-gzip");
    }

    private static boolean isPacked(Request request) {
        return request.getHeaders().getCSV(HttpHeader.CONTENT_ENCODING, false).stream()
                .anyMatch(AsyncBodyHandler::isGzip);
    }

    /** A client that is still writing would not see an answer before the connection closes. */
    private void drainThen(Request request, Runnable answer) {
        AtomicBoolean answered = new AtomicBoolean();
        Runnable once = () -> {
            if (answered.compareAndSet(false, true)) {
                request.getComponents().getExecutor().execute(answer);
            }
        };
        request.getComponents().getScheduler().schedule(once, deadlineMs, TimeUnit.MILLISECONDS);
        Content.Source.consumeAll(request, Callback.from(once, failure -> once.run()));
    }

    private void go(
            Request request,
            Response response,
            Callback callback,
            Budget.Grant charged,
            byte[] bytes,
            Throwable failure) {
        try {
            if (failure != null) {
                refuse(request, response, callback, failure);
                return;
            }
            byte[] body;
            try {
                body = isPacked(request) ? BodyReader.unpacked(bytes, maxBytes, charged) : bytes;
            } catch (IOException e) {
                refuse(request, response, callback, e);
                return;
            }
            if (!getHandler().handle(new Buffered(request, body), response, callback)) {
                Response.writeError(request, response, callback, 404);
            }
        } catch (Throwable t) {
            Response.writeError(request, response, callback, t);
        }
    }

    private void refuse(Request request, Response response, Callback callback, Throwable failure) {
        if (failure instanceof TimeoutException) {
            String detail = "the request body did not arrive within " + deadlineMs / 1_000 + " s";
            end(request, response, callback, 408, detail);
        } else if (failure instanceof BodyReader.TooLargeException) {
            drainThen(request, () -> tooLarge(request, response, callback));
        } else if (failure instanceof BodyReader.NoRoomException) {
            drainThen(request, () -> noRoom(request, response, callback));
        } else if (isPacked(request)) {
            String detail = "the request body cannot be read as Content-Encoding says: " + failure.getMessage();
            end(request, response, callback, 400, detail);
        } else {
            end(request, response, callback, 400, "the request body cannot be read");
        }
    }

    private static void noRoom(Request request, Response response, Callback callback) {
        end(request, response, callback, 429, "too many large requests at once; send fewer at a time");
    }

    private static void unsupported(Request request, Response response, Callback callback, String coding) {
        response.getHeaders().put(HttpHeader.ACCEPT_ENCODING, "gzip");
        end(request, response, callback, 415, "Content-Encoding must be gzip or left out, got '" + coding + "'");
    }

    private void tooLarge(Request request, Response response, Callback callback) {
        end(
                request,
                response,
                callback,
                413,
                "the request body may have " + maxBytes + " bytes, unpacked; send less at a time");
    }

    private static void end(Request request, Response response, Callback callback, int status, String detail) {
        response.getHeaders().put(HttpHeader.CONNECTION, HttpHeaderValue.CLOSE.asString());
        Response.writeError(request, response, callback, status, detail);
    }

    /** A request whose body is here already. */
    private static final class Buffered extends Request.Wrapper {
        private final Content.Source body;
        private final HttpFields headers;

        Buffered(Request request, byte[] bytes) {
            super(request);
            body = Content.Source.from(ByteBuffer.wrap(bytes));
            headers = HttpFields.build(request.getHeaders())
                    .remove(HttpHeader.CONTENT_ENCODING)
                    .remove(HttpHeader.TRANSFER_ENCODING)
                    .put(HttpHeader.CONTENT_LENGTH, bytes.length)
                    .asImmutable();
        }

        @Override
        public HttpFields getHeaders() {
            return headers;
        }

        @Override
        public long getLength() {
            return headers.getLongField(HttpHeader.CONTENT_LENGTH);
        }

        @Override
        public Content.Chunk read() {
            return body.read();
        }

        @Override
        public void demand(Runnable demandCallback) {
            body.demand(demandCallback);
        }

        @Override
        public void fail(Throwable failure) {
            body.fail(failure);
            super.fail(failure);
        }
    }
}
