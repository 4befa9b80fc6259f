package io.engram.app.http;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Reads a request's body before a thread is given to it, so that a thousand slow clients hold buffers but no threads. A
 * body that is too large or too slow ends the request here.
 */
final class AsyncBodyHandler extends Handler.Wrapper {
    private final int maxBytes;
    private final long deadlineMs;
    // Bytes that bodies may take together; an eighth of the heap leaves the rest to the streams and the index.
    private final AtomicLong budget = new AtomicLong(Runtime.getRuntime().maxMemory() / 8);

    /**
     * @param maxBytes of a body
     * @param deadlineMs for the whole body to arrive
     */
    AsyncBodyHandler(int maxBytes, long deadlineMs) {
        this.maxBytes = maxBytes;
        this.deadlineMs = deadlineMs;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        boolean chunked = request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING);
        if (request.getLength() == 0 || request.getLength() < 0 && !chunked) {
            return super.handle(request, response, callback);
        }
        if (request.getLength() > maxBytes) {
            drainThen(request, () -> tooLarge(request, response, callback));
            return true;
        }
        long reserved = chunked ? maxBytes : request.getLength();
        if (budget.addAndGet(-reserved) < 0) {
            budget.addAndGet(reserved);
            drainThen(
                    request,
                    () -> end(
                            request, response, callback, 429, "too many large requests at once; send fewer at a time"));
            return true;
        }
        Request.addCompletionListener(request, failure -> budget.addAndGet(reserved));
        CompletableFuture<byte[]> body = new CompletableFuture<>();
        Content.Source.asByteArrayAsync(request, maxBytes, new Promise.Invocable<>() {
            @Override
            public void succeeded(byte[] bytes) {
                body.complete(bytes);
            }

            @Override
            public void failed(Throwable failure) {
                body.completeExceptionally(failure);
            }

            @Override
            public InvocationType getInvocationType() {
                return InvocationType.NON_BLOCKING;
            }
        });
        Scheduler.Task deadline = request.getComponents()
                .getScheduler()
                .schedule(() -> body.completeExceptionally(new TimeoutException()), deadlineMs, TimeUnit.MILLISECONDS);
        body.whenComplete((bytes, failure) -> {
            deadline.cancel();
            request.getComponents().getExecutor().execute(() -> go(request, response, callback, bytes, failure));
        });
        return true;
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

    private void go(Request request, Response response, Callback callback, byte[] bytes, Throwable failure) {
        try {
            if (failure instanceof TimeoutException) {
                end(
                        request,
                        response,
                        callback,
                        408,
                        "the request body did not arrive within " + deadlineMs / 1_000 + " s");
            } else if (failure instanceof IllegalStateException) {
                tooLarge(request, response, callback);
            } else if (failure != null) {
                end(request, response, callback, 400, "the request body cannot be read");
            } else if (!getHandler().handle(new Buffered(request, bytes), response, callback)) {
                Response.writeError(request, response, callback, 404);
            }
        } catch (Throwable t) {
            Response.writeError(request, response, callback, t);
        }
    }

    private void tooLarge(Request request, Response response, Callback callback) {
        end(request, response, callback, 413, "the request body may have " + maxBytes + " bytes; send less at a time");
    }

    private static void end(Request request, Response response, Callback callback, int status, String detail) {
        response.getHeaders().put(HttpHeader.CONNECTION, HttpHeaderValue.CLOSE.asString());
        Response.writeError(request, response, callback, status, detail);
    }

    /** A request whose body is here already. */
    private static final class Buffered extends Request.Wrapper {
        private final Content.Source body;

        Buffered(Request request, byte[] bytes) {
            super(request);
            body = Content.Source.from(ByteBuffer.wrap(bytes));
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
