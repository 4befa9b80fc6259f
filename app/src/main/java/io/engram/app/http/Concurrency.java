package io.engram.app.http;

import io.javalin.http.Handler;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;

/**
 * Bounds how many requests are worked on at once, and how many wait at once; health checks and metrics always get
 * through. A request that waits gives its place back meanwhile, and waits no longer than its client. Thread-safe.
 */
final class Concurrency {
    private final Budget working;
    private final Budget waiting;
    // Of the request that this thread handles; threads that help with it have none.
    private final ThreadLocal<Optional<Place>> current = ThreadLocal.withInitial(Optional::empty);
    // For whom this thread works, be it as a helper.
    private final ThreadLocal<Optional<Caller>> caller = ThreadLocal.withInitial(Optional::empty);

    /**
     * @param maxWorking requests worked on at once, 1 or more
     * @param maxWaiting requests that wait at once, 1 or more
     * @param share of both that one client may have while others ask
     * @param nanoTime as {@link System#nanoTime}
     */
    Concurrency(int maxWorking, int maxWaiting, double share, LongSupplier nanoTime) {
        this.working = new Budget(maxWorking, share, nanoTime);
        this.waiting = new Budget(maxWaiting, share, nanoTime);
    }

    /** Waiting for something outside of this process, or for the index. */
    interface Wait<T> {
        T until() throws InterruptedException;
    }

    private static final class Place {
        final String client;
        Optional<Budget.Grant> grant;
        boolean waits;

        Place(String client, Budget.Grant grant) {
            this.client = client;
            this.grant = Optional.of(grant);
        }

        void free() {
            grant.ifPresent(Budget.Grant::close);
            grant = Optional.empty();
        }
    }

    /**
     * The handler, but 429 while too many requests are being worked on, and 400 for a request with other query parameters.
     *
     * @param parameters of the query that the handler reads
     */
    Handler limit(Handler handler, String... parameters) {
        return context -> {
            Query.allowOnly(context, parameters);
            String client = context.req().getRemoteAddr();
            Place place =
                    new Place(client, working.tryTake(client, 1).orElseThrow(() -> busy(working, "are worked on")));
            current.set(Optional.of(place));
            try (Caller mine = new Caller(ServletContextRequest.getServletContextRequest(context.req()))) {
                caller.set(Optional.of(mine));
                handler.handle(context);
            } finally {
                caller.remove();
                current.remove();
                place.free();
            }
        };
    }

    /** What another thread may do for this thread's request; its waiting ends as well when the client leaves. */
    <T> Callable<T> helping(Callable<T> part) {
        Optional<Caller> mine = caller.get();
        return () -> {
            Optional<Caller> before = caller.get();
            caller.set(mine);
            try {
                return part.call();
            } finally {
                caller.set(before);
            }
        };
    }

    /** Whether the client of this thread's request has left; may be asked by any thread. */
    BooleanSupplier hasLeft() {
        return caller.get().<BooleanSupplier>map(mine -> mine::hasLeft).orElse(() -> false);
    }

    /** @throws Problem.ProblemException when the client of this thread's request has left */
    void requireCaller() {
        caller.get().ifPresent(Caller::requireThere);
    }

    private <T> T waitOn(Wait<T> wait) throws InterruptedException {
        Optional<Caller> mine = caller.get();
        return mine.isPresent() ? mine.get().waitOn(wait) : wait.until();
    }

    private static Problem.ProblemException busy(Budget budget, String what) {
        return Problem.of(
                        429,
                        "Too Many Requests",
                        "as many requests " + what + " as may (" + budget.total()
                                + ", and a share of it for each address); send fewer at a time")
                .asException();
    }

    /**
     * Waits without the place of this thread's request, which goes on without one; {@link #resume} gets it back. The thread
     * may be interrupted meanwhile.
     *
     * @throws Problem.ProblemException when too many requests wait already, or the client has left
     */
    <T> T waiting(Wait<T> wait) throws InterruptedException {
        Optional<Place> place = current.get();
        if (place.isEmpty() || place.get().waits) {
            return waitOn(wait);
        }
        Budget.Grant waiter = waiting.tryTake(place.get().client, 1).orElseThrow(() -> busy(waiting, "wait"));
        return without(place.get(), waiter, () -> waitOn(wait));
    }

    /** As {@link #waiting}, but keeps the place when too many requests wait already. */
    <T> T waitingIfPossible(Wait<T> wait) throws InterruptedException {
        return withoutIfPossible(() -> waitOn(wait));
    }

    /** As {@link #waitingIfPossible}, of an answer that is written: that ends by itself when the client leaves. */
    <T> T writing(Wait<T> writing) throws InterruptedException {
        caller.get().ifPresent(Caller::close);
        return withoutIfPossible(writing);
    }

    private <T> T withoutIfPossible(Wait<T> wait) throws InterruptedException {
        Optional<Place> place = current.get();
        Optional<Budget.Grant> waiter =
                place.filter(mine -> !mine.waits).flatMap(mine -> waiting.tryTake(mine.client, 1));
        return waiter.isPresent() ? without(place.get(), waiter.get(), wait) : wait.until();
    }

    private static <T> T without(Place place, Budget.Grant waiter, Wait<T> wait) throws InterruptedException {
        place.free();
        place.waits = true;
        try {
            return wait.until();
        } finally {
            place.waits = false;
            waiter.close();
        }
    }

    /**
     * Gets the place of this thread's request back, before it works on.
     *
     * @throws Problem.ProblemException when there is none in time, or the client has left
     */
    void resume(long timeoutMs) throws InterruptedException {
        Optional<Place> place = current.get();
        if (place.isPresent() && place.get().grant.isEmpty()) {
            Budget.Grant grant = waitOn(() -> working.take(place.get().client, 1, timeoutMs))
                    .orElseThrow(() -> busy(working, "are worked on"));
            place.get().grant = Optional.of(grant);
        }
    }
}
