package io.engram.app.lifecycle;

import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Replaces a stream thread that dies, but not for ever: whoever dies again and again should stop and be looked at. Those
 * that die of a full disk wait for room instead. Thread-safe.
 */
final class ThreadReplacement implements StreamsUncaughtExceptionHandler {
    private static final Logger LOG = LoggerFactory.getLogger(ThreadReplacement.class);
    private static final long WINDOW_NANOS = TimeUnit.MINUTES.toNanos(10);

    private final int max;
    private final LongSupplier nanoTime;
    private final DiskHold disk;
    private final Runnable died;
    private final ArrayDeque<Long> deaths = new ArrayDeque<>();

    /** Ends a stream thread without another in its place; Streams knows no answer that says so. */
    static final class HeldException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        HeldException(Throwable cause) {
            super("the stream thread ends, and another is started when there is room on the disk", cause);
        }
    }

    /**
     * @param max replacements within ten minutes
     * @param nanoTime as {@link System#nanoTime}
     * @param disk decides about threads that die of the disk, which do not count
     * @param died is run for each thread that dies, of whatever
     */
    ThreadReplacement(int max, LongSupplier nanoTime, DiskHold disk, Runnable died) {
        this.max = max;
        this.nanoTime = nanoTime;
        this.disk = disk;
        this.died = died;
    }

    /** The failure is told here; the JVM would print it a second time. What else the thread may end with is for the log. */
    private static void tellOnce(Throwable told) {
        Thread.currentThread().setUncaughtExceptionHandler((thread, failure) -> {
            if (failure != told && !(failure instanceof HeldException)) {
                LOG.error("{} ended with another failure than it had", thread.getName(), failure);
            }
        });
    }

    /**
     * Is called by the thread that dies.
     *
     * @throws HeldException when it dies of the disk
     */
    @Override
    public synchronized StreamThreadExceptionResponse handle(Throwable exception) {
        died.run();
        tellOnce(exception);
        if (disk.holds(exception)) {
            throw new HeldException(exception);
        }
        long now = nanoTime.getAsLong();
        deaths.addLast(now);
        while (now - deaths.peekFirst() > WINDOW_NANOS) {
            deaths.removeFirst();
        }
        Optional<String> instead = StreamsAdvice.instead(exception);
        if (deaths.size() > max) {
            LOG.error(
                    "A stream thread died, the {}th within ten minutes: stopping this instance. {}",
                    deaths.size(),
                    instead.orElse(""),
                    instead.isPresent() ? null : exception);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        }
        LOG.error(
                "A stream thread died; replacing it ({} of {} within ten minutes). {}",
                deaths.size(),
                max,
                instead.orElse(""),
                instead.isPresent() ? null : exception);
        return StreamThreadExceptionResponse.REPLACE_THREAD;
    }
}
