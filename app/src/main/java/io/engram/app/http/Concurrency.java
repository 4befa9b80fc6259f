package io.engram.app.http;

import io.javalin.http.Handler;
import java.util.concurrent.Semaphore;

/** Bounds how many requests are worked on at once; health checks and metrics always get through. Thread-safe. */
final class Concurrency {
    private static final long RETRY_AFTER_MS = 1_000;

    private final int max;
    private final Semaphore permits;

    Concurrency(int max) {
        this.max = max;
        this.permits = new Semaphore(max);
    }

    /** The handler, but 429 while too many requests are being worked on. */
    Handler limit(Handler handler) {
        return context -> {
            if (!permits.tryAcquire()) {
                throw Problem.retryLater(
                                429,
                                "Too Many Requests",
                                max + " requests are being worked on already; send fewer at a time",
                                RETRY_AFTER_MS)
                        .asException();
            }
            try {
                handler.handle(context);
            } finally {
                permits.release();
            }
        };
    }
}
