package io.engram.app.http;

import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Whoever sent a request, as long as somebody works on it: when it leaves, waiting for it ends, and its work has to.
 * Thread-safe.
 *
 * <p>A client that closes only its own side of the connection cannot be told from one that is gone, and counts as gone.
 */
final class Caller implements AutoCloseable {
    /** The status of a request whose client left; hardly anybody reads it. */
    static final int LEFT = 499;

    private static final long LOOK_EVERY_MS = 250;

    private final Optional<WatchedEndPoint> connection;
    private final Scheduler scheduler;
    private final Set<Thread> waiting = new HashSet<>();
    private volatile boolean left;
    private boolean watched = true;
    private Scheduler.Task next;

    /** Watches the client of a request from now on, until this is closed. */
    Caller(Request request) {
        connection = request.getConnectionMetaData().getConnection().getEndPoint() instanceof WatchedEndPoint endPoint
                ? Optional.of(endPoint)
                : Optional.empty();
        scheduler = request.getComponents().getScheduler();
        next = schedule();
    }

    private Scheduler.Task schedule() {
        return scheduler.schedule(this::look, LOOK_EVERY_MS, TimeUnit.MILLISECONDS);
    }

    private synchronized void look() {
        if (!watched) {
            return;
        }
        if (connection.filter(WatchedEndPoint::hasLeft).isPresent()) {
            left = true;
            waiting.forEach(Thread::interrupt);
        } else {
            next = schedule();
        }
    }

    boolean hasLeft() {
        return left;
    }

    /** @throws Problem.ProblemException when nobody waits for the answer any more */
    void requireThere() {
        if (left) {
            throw gone();
        }
    }

    private static Problem.ProblemException gone() {
        return Problem.of(
                        LEFT,
                        "Client Closed Request",
                        "the client closed the connection, or its side of it, before it was answered: keep it open until"
                                + " the answer is there. What was to be written may have been written")
                .asException();
    }

    /**
     * Waits, but no longer than the client does. The calling thread is interrupted when it leaves: it must do nothing else
     * meanwhile that this could harm.
     *
     * @throws Problem.ProblemException when the client has left
     */
    <T> T waitOn(Concurrency.Wait<T> wait) throws InterruptedException {
        synchronized (this) {
            requireThere();
            waiting.add(Thread.currentThread());
        }
        try {
            return wait.until();
        } catch (InterruptedException | RuntimeException e) {
            requireThere();
            throw e;
        } finally {
            endWait();
        }
    }

    /** An interrupt that came too late is not one of what this thread does next. */
    private synchronized void endWait() {
        if (waiting.remove(Thread.currentThread()) && left) {
            Thread.interrupted();
        }
    }

    /** Watches the client no longer: it is being answered, or has been. */
    @Override
    public synchronized void close() {
        watched = false;
        next.cancel();
    }
}
