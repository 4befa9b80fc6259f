package io.engram.topology.supervision;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts the threads that a process needs for as long as it runs, and knows which of them still live. What they do is
 * done again when it fails with whatever exception; what dies all the same, or is stopped by nobody, is counted as dead
 * and makes the process not live. Thread-safe.
 */
public final class Supervisor {
    private static final Logger LOG = LoggerFactory.getLogger(Supervisor.class);
    private static final long RESTART_PAUSE_MS = 1_000;

    private final List<Supervised> supervised = new CopyOnWriteArrayList<>();
    private final Map<String, String> fatal = new ConcurrentHashMap<>();

    /** A thread, or a task that a thread of its own repeats. */
    public final class Supervised implements AutoCloseable {
        private final String name;
        private volatile boolean closed;
        private volatile BooleanSupplier alive = () -> true;
        private volatile Runnable end = () -> {};
        private volatile Thread thread = new Thread(); // never started: nothing to wait for

        private Supervised(String name) {
            this.name = name;
        }

        private boolean isClosed() {
            return closed;
        }

        /** It may end from now on; a thread is interrupted. */
        @Override
        public void close() {
            expectEnd();
            end.run();
        }

        /** It may end from now on, by itself: it was told so in another way. */
        public void expectEnd() {
            closed = true;
            supervised.remove(this);
        }

        /** As {@link #expectEnd}, and waits for that; it is interrupted after a while, and left alone after another. */
        public void endWithin(long ms) {
            expectEnd();
            try {
                thread.join(ms);
                end.run();
                thread.join(ms);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Starts a daemon thread.
     *
     * @param body runs until it is told to stop in a way of its own; it is run again when it throws or just returns
     */
    public Supervised start(String name, Runnable body) {
        return start(new Supervised(name), body);
    }

    private Supervised start(Supervised entry, Runnable body) {
        Thread thread = new Thread(() -> runAgainAndAgain(entry, body), entry.name);
        thread.setDaemon(true);
        entry.thread = thread;
        entry.alive = thread::isAlive;
        entry.end = thread::interrupt;
        supervised.add(entry);
        thread.start();
        return entry;
    }

    private void runAgainAndAgain(Supervised entry, Runnable body) {
        while (!entry.isClosed()) {
            try {
                body.run();
            } catch (Throwable e) {
                note(entry, e);
            }
            if (Thread.currentThread().isInterrupted() || entry.isClosed()) {
                return;
            }
            pause();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(RESTART_PAUSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** A failure is for the log; an error of the machine is more than one thread's. */
    private void note(Supervised entry, Throwable failure) {
        if (failure instanceof Error error) {
            report(entry.name, error);
        }
        LOG.error("{} failed; it starts again", entry.name, failure);
    }

    /**
     * Repeats a task on a daemon thread of its own, {@code delayMs} after it ended the last time.
     *
     * @param task its exceptions are logged, and it is run again all the same
     */
    public Supervised every(String name, long initialDelayMs, long delayMs, Runnable task) {
        ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(runnable -> {
            Thread thread = new Thread(runnable, name);
            thread.setDaemon(true);
            return thread;
        });
        Supervised entry = every(name, executor, initialDelayMs, delayMs, task);
        entry.end = executor::shutdownNow;
        return entry;
    }

    /** As {@link #every(String, long, long, Runnable)}, on an executor of the caller's, which shuts it down. */
    public Supervised every(
            String name, ScheduledExecutorService executor, long initialDelayMs, long delayMs, Runnable task) {
        Supervised entry = new Supervised(name);
        Future<?> repeated = executor.scheduleWithFixedDelay(
                () -> {
                    try {
                        task.run();
                    } catch (RuntimeException | Error e) {
                        note(entry, e);
                    }
                },
                initialDelayMs,
                delayMs,
                TimeUnit.MILLISECONDS);
        entry.alive = () -> !repeated.isDone() && !executor.isShutdown();
        supervised.add(entry);
        return entry;
    }

    /**
     * Watches a thread that a library started.
     *
     * @return empty when there is no such thread
     */
    public Optional<Supervised> watch(String threadName) {
        for (Thread thread : threads()) {
            if (thread.getName().equals(threadName)) {
                Supervised entry = new Supervised(threadName);
                entry.alive = thread::isAlive;
                supervised.add(entry);
                return Optional.of(entry);
            }
        }
        LOG.warn("There is no thread {} to be watched", threadName);
        return Optional.empty();
    }

    private static List<Thread> threads() {
        ThreadGroup group = Thread.currentThread().getThreadGroup();
        while (group.getParent() != null) {
            group = group.getParent();
        }
        Thread[] found = new Thread[2 * group.activeCount() + 16];
        return Arrays.asList(found).subList(0, group.enumerate(found));
    }

    /**
     * An error after which nobody knows what still works: an {@link OutOfMemoryError} or another {@link
     * VirtualMachineError} but for an overflown stack. The process is not live from now on; of other errors nothing is
     * kept.
     */
    public void report(String where, Error error) {
        if (error instanceof VirtualMachineError && !(error instanceof StackOverflowError)) {
            fatal.putIfAbsent(where, error.getClass().getSimpleName());
        }
    }

    /** Threads and repeated tasks that should live. */
    public int expected() {
        return supervised.size();
    }

    /** Those of them that do. */
    public int alive() {
        return (int)
                supervised.stream().filter(entry -> entry.alive.getAsBoolean()).count();
    }

    /** What is wrong, in words; empty when every thread lives and no fatal error was reported. */
    public Optional<String> trouble() {
        List<String> dead = supervised.stream()
                .filter(entry -> !entry.alive.getAsBoolean())
                .map(entry -> entry.name)
                .sorted()
                .toList();
        if (!dead.isEmpty()) {
            return Optional.of("threads are dead: " + String.join(", ", dead));
        }
        return fatal.isEmpty() ? Optional.empty() : Optional.of("a fatal error happened: " + fatal);
    }
}
