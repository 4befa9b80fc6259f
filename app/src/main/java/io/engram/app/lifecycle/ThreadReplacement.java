package io.engram.app.lifecycle;

import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Replaces a stream thread that dies, but not for ever: whoever dies again and again should stop and be looked at.
 * Thread-safe.
 */
final class ThreadReplacement implements StreamsUncaughtExceptionHandler {
    private static final Logger LOG = LoggerFactory.getLogger(ThreadReplacement.class);
    private static final long WINDOW_NANOS = TimeUnit.MINUTES.toNanos(10);

    private final int max;
    private final LongSupplier nanoTime;
    private final ArrayDeque<Long> deaths = new ArrayDeque<>();

    /**
     * @param max replacements within ten minutes
     * @param nanoTime as {@link System#nanoTime}
     */
    ThreadReplacement(int max, LongSupplier nanoTime) {
        this.max = max;
        this.nanoTime = nanoTime;
    }

    @Override
    public synchronized StreamThreadExceptionResponse handle(Throwable exception) {
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
