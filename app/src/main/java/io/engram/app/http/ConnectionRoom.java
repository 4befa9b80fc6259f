package io.engram.app.http;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Keeps room for those who come: where many connections are open, each new one closes another that waits for its client,
 * at once or as soon as one waits. First goes who has never sent a whole request, then who has been served, last who came
 * just now. What is worked on for a client stays. Thread-safe.
 */
final class ConnectionRoom implements Connection.Listener {
    /** A request of an honest client is here before that. */
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Connections looked at for one that can be closed: the time that a new one takes has a bound. */
    private static final int MAX_LOOKS = 64;

    /** After which those who were all busy are asked again. */
    private static final long AGAIN_MS = 100;

    private final int most;
    private final LongSupplier nanoTime;
    private final Scheduler scheduler;
    // When they were opened; the oldest first.
    private final Map<Connection, Long> unheard = new LinkedHashMap<>();
    // In the order in which they are looked at.
    private final Set<Connection> heard = new LinkedHashSet<>();
    private boolean asksAgain;

    /**
     * @param most connections that may be open before others are closed for new ones
     */
    ConnectionRoom(int most, LongSupplier nanoTime, Scheduler scheduler) {
        this.most = most;
        this.nanoTime = nanoTime;
        this.scheduler = scheduler;
    }

    @Override
    public void onOpened(Connection connection) {
        Optional<Connection> leaves;
        synchronized (this) {
            leaves = open() < most ? Optional.empty() : leaving();
            unheard.put(connection, nanoTime.getAsLong());
            askAgainIfFull();
        }
        leaves.ifPresent(left -> left.getEndPoint().close());
    }

    /** At the limit nobody is let in, and no newcomer asks for room. */
    private void again() {
        List<Connection> leave = new ArrayList<>();
        synchronized (this) {
            asksAgain = false;
            for (int over = open() - most; over > 0; over--) {
                leaving().ifPresent(leave::add);
            }
            askAgainIfFull();
        }
        leave.forEach(left -> left.getEndPoint().close());
    }

    private void askAgainIfFull() {
        if (open() > most && !asksAgain) {
            asksAgain = true;
            scheduler.schedule(this::again, AGAIN_MS, TimeUnit.MILLISECONDS);
        }
    }

    private int open() {
        return unheard.size() + heard.size();
    }

    private Optional<Connection> leaving() {
        Optional<Connection> leaves = longestWaiting();
        leaves.ifPresent(unheard::remove);
        leaves.ifPresent(heard::remove);
        return leaves;
    }

    @Override
    public synchronized void onClosed(Connection connection) {
        unheard.remove(connection);
        heard.remove(connection);
    }

    private Optional<Connection> longestWaiting() {
        moveHeard();
        Optional<Connection> newcomer = unheard.keySet().stream()
                .limit(MAX_LOOKS)
                .filter(ConnectionRoom::waits)
                .findFirst();
        Optional<Connection> late =
                newcomer.filter(connection -> nanoTime.getAsLong() - unheard.get(connection) >= GRACE_NANOS);
        return late.or(this::served).or(() -> newcomer);
    }

    private void moveHeard() {
        Iterator<Connection> oldest = unheard.keySet().iterator();
        for (int looks = 0; looks < MAX_LOOKS && oldest.hasNext(); looks++) {
            Connection connection = oldest.next();
            if (connection.getMessagesIn() > 0) {
                heard.add(connection);
                oldest.remove();
            }
        }
    }

    /** In turn: who is worked on now is looked at again after all others. */
    private Optional<Connection> served() {
        List<Connection> busy = new ArrayList<>();
        Optional<Connection> found = Optional.empty();
        for (Iterator<Connection> next = heard.iterator();
                found.isEmpty() && busy.size() < MAX_LOOKS && next.hasNext(); ) {
            Connection connection = next.next();
            if (waits(connection)) {
                found = Optional.of(connection);
            } else {
                busy.add(connection);
            }
        }
        busy.forEach(heard::remove);
        heard.addAll(busy);
        return found;
    }

    private static boolean waits(Connection connection) {
        return connection.getEndPoint() instanceof WatchedEndPoint endPoint && endPoint.waitsForClient();
    }
}
