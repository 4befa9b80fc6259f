package io.engram.app.http;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Does the parts of a request at once. The request's own thread does them one after the other, and a few threads that
 * all requests share help where they can: when others keep those busy, a request still goes on. Thread-safe.
 */
final class Scatter implements AutoCloseable {
    private static final int THREADS = 16;
    private static final int HELPERS = 4;
    private static final int MAX_QUEUED = 256;

    private final ThreadPoolExecutor helpers = new ThreadPoolExecutor(
            THREADS,
            THREADS,
            30,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MAX_QUEUED),
            task -> {
                Thread thread = new Thread(task, "engram-scatter");
                thread.setDaemon(true);
                return thread;
            },
            new ThreadPoolExecutor.DiscardPolicy()); // the request's own thread does it all

    Scatter() {
        helpers.allowCoreThreadTimeOut(true);
    }

    /** Does the parts; returns when each is done or being done by a helper. */
    <T> List<Future<T>> all(List<Callable<T>> parts) {
        List<Future<T>> futures = new ArrayList<>();
        Queue<FutureTask<T>> open = new ConcurrentLinkedQueue<>();
        for (Callable<T> part : parts) {
            FutureTask<T> task = new FutureTask<>(part);
            futures.add(task);
            open.add(task);
        }
        for (int i = 0; i < Math.min(HELPERS, parts.size() - 1); i++) {
            helpers.execute(() -> drain(open));
        }
        drain(open);
        return futures;
    }

    private static <T> void drain(Queue<FutureTask<T>> open) {
        for (FutureTask<T> task = open.poll(); task != null; task = open.poll()) {
            task.run();
        }
    }

    @Override
    public void close() {
        helpers.shutdownNow();
    }
}
