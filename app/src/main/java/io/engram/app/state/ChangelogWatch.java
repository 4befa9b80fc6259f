package io.engram.app.state;

import io.engram.app.kafka.ChangelogTopic;
import io.engram.topology.supervision.Supervisor;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks every second whether a changelog is still the one that the state follows. What goes on beside another one would
 * write changes there without what they change, and Kafka Streams may wipe the state that does not fit it.
 */
public final class ChangelogWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ChangelogWatch.class);
    private static final long INTERVAL_MS = 1_000;
    private static final int LOOK_LIMIT_MS = 10_000;
    private static final long CLOSE_PAUSE_MS = 100;
    private static final int CLOSE_LIMIT_MS = 2_000;
    /** Nobody waits again for brokers that have just not answered. */
    private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Admin admin;
    private final String topic;
    private final String followed;
    private final LooksInARow looks;
    private final Consumer<String> lost;
    private final Supervisor.Supervised watching;
    private volatile long silentNanos = System.nanoTime() - SILENCE_NANOS;

    /**
     * Starts to watch, on a thread of the supervisor.
     *
     * @param followed the id of the changelog that the state follows
     * @param lost is told what is wrong once it was so three times in a row
     */
    public ChangelogWatch(Admin admin, String topic, String followed, Supervisor supervisor, Consumer<String> lost) {
        this.admin = admin;
        this.topic = topic;
        this.followed = followed;
        this.looks = new LooksInARow(followed);
        this.lost = lost;
        watching = supervisor.every("engram-watch-" + topic, 0, INTERVAL_MS, this::look);
    }

    private void look() {
        try {
            looks.found(ChangelogTopic.id(admin, topic, LOOK_LIMIT_MS)).ifPresent(lost);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.debug("Could not ask for the changelog; trying again", e);
        }
    }

    /**
     * Looks at once, before a store is closed: what Kafka Streams meets when its changelog goes looks like other errors to
     * it, after which it wipes the store. Thread-safe.
     */
    public void beforeClose() {
        if (System.nanoTime() - silentNanos < SILENCE_NANOS) {
            return;
        }
        LooksInARow now = new LooksInARow(followed);
        try {
            Optional<String> found = ChangelogTopic.id(admin, topic, CLOSE_LIMIT_MS);
            while (!found.equals(Optional.of(followed))) {
                now.found(found).ifPresent(lost);
                Thread.sleep(CLOSE_PAUSE_MS);
                found = ChangelogTopic.id(admin, topic, CLOSE_LIMIT_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException | RuntimeException e) {
            silentNanos = System.nanoTime();
            LOG.debug("Could not ask for the changelog before a store closes", e);
        }
    }

    @Override
    public void close() {
        watching.close();
    }
}
