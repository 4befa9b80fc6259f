package io.engram.app.http;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * An amount that requests share: places to work in, bytes of bodies, bytes of answers. One client may take all of it
 * while nobody else asks; while others do, no more than a share. Thread-safe.
 *
 * <p>A client is an address. Behind a proxy all clients have the proxy's: it is then alone, and may take all.
 */
final class Budget {
    /** How long a client that asked counts as one that asks. */
    private static final long RECENT_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final long total;
    private final double share;
    private final LongSupplier nanoTime;
    // Those that hold something: no more entries than grants.
    private final Map<String, Long> held = new HashMap<>();
    // The last two different clients: enough to know whether another than a given one asked lately.
    private Asked latest;
    private Asked before;
    private long free;

    private record Asked(String client, long atNanos) {}

    /**
     * @param total 1 or more
     * @param share of the total that a client may hold while others ask, above 0 to 1
     * @param nanoTime as {@link System#nanoTime}
     */
    Budget(long total, double share, LongSupplier nanoTime) {
        this.total = total;
        this.share = share;
        this.nanoTime = nanoTime;
        this.free = total;
        this.latest = new Asked("", nanoTime.getAsLong() - 2 * RECENT_NANOS);
        this.before = latest;
    }

    /** A part of the budget in somebody's hands. Thread-safe. */
    final class Grant implements AutoCloseable {
        private final String client;
        private long amount;
        private boolean closed;

        private Grant(String client, long amount) {
            this.client = client;
            this.amount = amount;
        }

        /** Takes more; false when there is not so much, or when it was given back already. */
        boolean grow(long more) {
            synchronized (Budget.this) {
                if (closed || !isAllowed(client, more)) {
                    return false;
                }
                move(client, more);
                amount += more;
                return true;
            }
        }

        /** Gives all of it back; once is enough. */
        @Override
        public void close() {
            synchronized (Budget.this) {
                if (!closed) {
                    closed = true;
                    move(client, -amount);
                    Budget.this.notifyAll();
                }
            }
        }
    }

    /** The whole of it. */
    long total() {
        return total;
    }

    /** Takes an amount, or nothing when that much is not there for this client right now. */
    synchronized Optional<Grant> tryTake(String client, long amount) {
        noteAsked(client);
        if (!isAllowed(client, amount)) {
            return Optional.empty();
        }
        move(client, amount);
        return Optional.of(new Grant(client, amount));
    }

    /** As {@link #tryTake}, but waits for it. */
    synchronized Optional<Grant> take(String client, long amount, long timeoutMs) throws InterruptedException {
        long deadline = nanoTime.getAsLong() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (true) {
            Optional<Grant> grant = tryTake(client, amount);
            long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - nanoTime.getAsLong());
            if (grant.isPresent() || leftMs <= 0) {
                return grant;
            }
            wait(leftMs);
        }
    }

    private boolean isAllowed(String client, long amount) {
        if (amount == 0) {
            return true; // it takes nothing from anyone; what it grows by is asked for
        }
        if (amount > free) {
            return false;
        }
        // A client that holds nothing may always take what is free: shares hold back those that have much.
        long has = held.getOrDefault(client, 0L);
        return has == 0 || has + amount <= Math.max(1, (long) (share * total)) || !othersAsk(client);
    }

    private void move(String client, long amount) {
        free -= amount;
        held.merge(client, amount, Long::sum);
        held.remove(client, 0L);
    }

    private void noteAsked(String client) {
        if (!latest.client.equals(client)) {
            before = latest;
        }
        latest = new Asked(client, nanoTime.getAsLong());
    }

    private boolean othersAsk(String client) {
        Asked other = latest.client.equals(client) ? before : latest;
        return nanoTime.getAsLong() - other.atNanos < RECENT_NANOS;
    }
}
